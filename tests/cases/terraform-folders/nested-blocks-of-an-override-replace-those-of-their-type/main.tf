data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/a"]
  }
  dynamic "statement" {
    for_each = [1]
    content {
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::*:role/b"]
    }
  }
}
data "aws_iam_policy_document" "e" {
  dynamic "statement" {
    for_each = [1]
    content {
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::*:role/a"]
    }
  }
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/b"]
  }
}
resource "aws_iam_policy" "d" { policy = data.aws_iam_policy_document.d.json }
resource "aws_iam_policy" "e" { policy = data.aws_iam_policy_document.e.json }

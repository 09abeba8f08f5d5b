data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/c"]
  }
}
data "aws_iam_policy_document" "e" {
  dynamic "statement" {
    for_each = [1]
    content {
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::*:role/c"]
    }
  }
}

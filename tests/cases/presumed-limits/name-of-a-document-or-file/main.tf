data "aws_iam_policy_document" "boundary" {
  statement {
    actions   = ["*"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "root_scp" {
  statement {
    actions   = ["*"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "a" {
  policy = data.aws_iam_policy_document.boundary.json
}
resource "aws_iam_policy" "b" {
  policy = file("${path.module}/permissions-boundary.json")
}
output "json" {
  value = data.aws_iam_policy_document.root_scp.json
}

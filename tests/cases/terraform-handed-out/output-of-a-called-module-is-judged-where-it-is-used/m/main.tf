data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
output "policy" { value = data.aws_iam_policy_document.d.json }

data "aws_iam_policy_document" "c" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
output "json" { value = data.aws_iam_policy_document.c.minified_json }

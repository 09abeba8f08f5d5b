variable "roles" {
  default = ["*"]
}
data "aws_iam_policy_document" "pass" {
  statement {
    actions   = ["iam:PassRole"]
    resources = var.roles
  }
}
output "policy" {
  value = data.aws_iam_policy_document.pass.json
}

data "aws_iam_policy_document" "d" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/a"]
  }
}
output "out" { value = "{}" }

#> scan --check 001 | resource
data "aws_iam_policy_document" "d" {
  statement {  #> 001 high (aws_iam_policy.p)
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }
output "document" { value = data.aws_iam_policy_document.d.json }
output "policy" { value = aws_iam_policy.p.policy }

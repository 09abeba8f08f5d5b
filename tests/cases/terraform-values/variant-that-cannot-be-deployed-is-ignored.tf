# A statement without resources under one outcome is evaluated under the other; the file is readable.
#> scan | when
variable "a" {}
data "aws_iam_policy_document" "p" {
  statement {  #> 001 high (medium confidence, when var.a is true)
    actions   = ["iam:PassRole"]
    resources = var.a ? ["*"] : []
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.p.json }

# Of the same Sid. Terraform rejects two sources with one Sid: an own statement replaces both.
#> grants
data "aws_iam_policy_document" "base" {
  statement {  #> allow ? -> arn:aws:iam::*:role/a to any service
    sid       = "A"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/a"]
  }
  statement {
    sid       = "B"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/b"]
  }
}
data "aws_iam_policy_document" "d" {
  source_policy_documents = [
    data.aws_iam_policy_document.base.json,
    jsonencode({ Statement = { Sid = "B", Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/c" } }),
  ]
  statement {  #> 2 x allow ? -> arn:aws:iam::*:role/own to any service
    sid       = "B"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/own"]
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

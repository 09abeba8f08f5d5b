#> grants
data "aws_iam_policy_document" "a" {
  count = 0
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/a"]
  }
}
data "aws_iam_policy_document" "b" {
  count = 1
  statement {  #> allow ? -> arn:aws:iam::*:role/b to any service
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::*:role/b"]
  }
}
data "aws_iam_policy_document" "d" {
  source_policy_documents = concat(data.aws_iam_policy_document.a[*].json, data.aws_iam_policy_document.b[*].json)
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

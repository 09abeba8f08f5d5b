# A document that is its own source has an unresolved value in that place; the others are kept.
#> grants
variable "x" {}
data "aws_iam_policy_document" "unknown" {
  source_policy_documents = var.x  #> allow ? -> ${var.x} to any service (unresolved)
  statement {  #> allow ? -> * to any service
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "own" {
  source_policy_documents = [data.aws_iam_policy_document.own.json]  #> allow ? -> ${data.aws_iam_policy_document.own.json} to any service (unresolved)
  statement {  #> allow ? -> * to any service
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.unknown.json }
resource "aws_iam_policy" "q" { policy = data.aws_iam_policy_document.own.json }

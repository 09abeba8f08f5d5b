# A document in the branch that a known condition does not choose is used by nothing, also where the conditional is an
# element of an object (Terraform language documentation, "Conditional Expressions").
locals {
  is_admin  = false
  documents = { deploy = local.is_admin ? data.aws_iam_policy_document.any.json : data.aws_iam_policy_document.one.json }
}

data "aws_iam_policy_document" "any" {  #> not evaluated: unused_document
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "one" {
  statement {  #> 002 low
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/deploy"]
  }
}

resource "aws_iam_policy" "deploy" {
  policy = local.documents["deploy"]
}

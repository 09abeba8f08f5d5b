variable "docs" {}
data "aws_iam_policy_document" "d" {
  source_policy_documents = var.docs
}
resource "aws_iam_policy" "joined" {
  policy = data.aws_iam_policy_document.d.json
}
resource "aws_iam_policy" "joined2" {
  policy = jsonencode({ Statement = flatten([for d in var.docs : jsondecode(d).Statement]) })
}
resource "aws_iam_policy" "joined3" {
  policy = jsonencode({ Version = "2012-10-17", Statement = flatten([for d in var.docs : [for s in jsondecode(d).Statement : merge(s, {Sid = "a"})]]) })
}

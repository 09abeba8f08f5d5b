# If the condition is known.
variable "on" { type = bool }
data "aws_iam_policy_document" "a" {  #> not evaluated: unused_document
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "b" {  #> not evaluated: unused_document
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "c" {  #> not evaluated: unused_document
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "d" {  #> not evaluated: unused_document
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
data "aws_iam_policy_document" "e" {  #> not evaluated: unused_document
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
locals {
  off    = false
  chosen = false ? data.aws_iam_policy_document.e.json : null
}
resource "aws_iam_policy" "a" { policy = false ? data.aws_iam_policy_document.a.json : null }
resource "aws_iam_policy" "b" { policy = local.off ? data.aws_iam_policy_document.b.json : null }
resource "aws_iam_policy" "c" { policy = var.on ? null : (false ? data.aws_iam_policy_document.c.json : null) }
resource "aws_iam_policy" "d" { policy = try(false ? data.aws_iam_policy_document.d.json : null, null) }
resource "aws_iam_policy" "e" { policy = local.chosen }
#> statements without finding: 0

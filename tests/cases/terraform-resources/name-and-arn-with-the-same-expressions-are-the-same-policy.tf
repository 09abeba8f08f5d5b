# A partially unknown name matches an ARN of the account with the same expressions; a wholly unknown one does not.
#> grants
variable "n" {}
variable "m" {}
variable "o" {}
locals { limit = "${var.n}-local" }
resource "aws_iam_policy" "equal" {
  name   = "${var.n}-limit"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_user" "equal" { permissions_boundary = "arn:aws:iam::111122223333:policy/${var.n}-limit" }
resource "aws_iam_policy" "local" {
  name   = local.limit
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_user" "local" { permissions_boundary = "arn:aws:iam::111122223333:policy/limits/${var.n}-local" }
resource "aws_iam_policy" "other" {
  name   = "${var.n}-other"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_user" "other" { permissions_boundary = "arn:aws:iam::111122223333:policy/${var.m}-other" }
resource "aws_iam_policy" "of_aws" {
  name   = "${var.n}-aws"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_user" "of_aws" { permissions_boundary = "arn:aws:iam::aws:policy/${var.n}-aws" }
resource "aws_iam_policy" "unknown" {
  name   = var.o
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_user" "unknown" { permissions_boundary = var.o }

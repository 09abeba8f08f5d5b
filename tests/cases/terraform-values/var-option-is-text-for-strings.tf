# Strings, numbers, booleans and untyped variables take the text literally.
#> grants --var untyped=[x --var text=[x --var equal=a=b=c --var empty= --var quoted=007 --var number=007 --var bool=true
variable "untyped" {}
variable "text" { type = string }
variable "equal" { type = string }
variable "empty" { type = string }
variable "quoted" { type = "string" }
variable "number" { type = number }
variable "bool" { type = bool }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [  #> allow ? -> arn:aws:iam::*:role/[x & arn:aws:iam::*:role/[x & arn:aws:iam::*:role/a=b=c & arn:aws:iam::*:role/xx & arn:aws:iam::*:role/007 & arn:aws:iam::*:role/7 & arn:aws:iam::*:role/true to any service
    "arn:aws:iam::*:role/${var.untyped}", "arn:aws:iam::*:role/${var.text}", "arn:aws:iam::*:role/${var.equal}",
    "arn:aws:iam::*:role/x${var.empty}x", "arn:aws:iam::*:role/${var.quoted}", "arn:aws:iam::*:role/${var.number}",
    "arn:aws:iam::*:role/${var.bool}"] } })
}

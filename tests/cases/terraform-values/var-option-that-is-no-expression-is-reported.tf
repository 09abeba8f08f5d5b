# The variable is unresolved: neither its default nor a guess.
#> grants --var a=[ --var b=x --var c='["a"' --var d='file("x")' --var e='a { }' --var f='"a" "b"'
variable "a" { type = list(string) }
variable "b" { type = list(string) }
variable "c" { type = list(string) }
variable "d" { type = list(string) }
variable "e" { type = list(string) }
variable "f" {
  type    = list(string)
  default = ["default"]
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [var.a, var.b, var.c, var.d, var.e, var.f] } })  #> allow ? -> ${var.a} & ${var.b} & ${var.c} & ${var.d} & ${var.e} & ${var.f} to any service
}
#> unreadable
#> unreadable
#> unreadable
#> unreadable
#> unreadable
#> unreadable
#> exit 2

#> grants --var any='"x"' --var list='["a", "b"]' --var old='["a", "b"]' --var set='["a", "a"]' --var convert='[1, true]' --var tuple='["a", false]'
variable "any" { type = any }
variable "list" { type = list(string) }
variable "old" { type = "list" }
variable "set" { type = set(string) }
variable "convert" { type = list(string) }
variable "tuple" { type = tuple([string, bool]) }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${join(",", flatten([var.any]))}" },  #> allow ? -> arn:aws:iam::*:role/x to any service
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${join(",", flatten([var.list]))}" },  #> allow ? -> arn:aws:iam::*:role/a,b to any service
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${join(",", flatten([var.old]))}" },  #> allow ? -> arn:aws:iam::*:role/a,b to any service
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${join(",", flatten([var.set]))}" },  #> allow ? -> arn:aws:iam::*:role/a to any service
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${join(",", flatten([var.convert]))}" },  #> allow ? -> arn:aws:iam::*:role/1,true to any service
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${join(",", flatten([var.tuple]))}" },  #> allow ? -> arn:aws:iam::*:role/a,false to any service
  ] })
}

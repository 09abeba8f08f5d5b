# A pattern is one whatever its unresolved part is; the message names the value that makes it any role.
#> scan --check 002 | values
variable "env" { type = string }
resource "aws_iam_policy" "pass" {
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.env}*" },  #> 002 medium (medium confidence, arn:aws:iam::111122223333:role/${var.env}* var.env)
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/*${var.env}" },  #> 002 medium (medium confidence, arn:aws:iam::111122223333:role/*${var.env} var.env)
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.env}-*" },  #> 002 medium (arn:aws:iam::111122223333:role/${var.env}-*)
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/team/${var.env}/*" },  #> 002 medium (arn:aws:iam::111122223333:role/team/${var.env}/*)
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.env}" },  #> 002 low (medium confidence, arn:aws:iam::111122223333:role/${var.env} var.env)
    { Effect = "Allow", Action = "iam:PassRole", Resource = var.env },  #> 002 low (medium confidence)
  ] })
}

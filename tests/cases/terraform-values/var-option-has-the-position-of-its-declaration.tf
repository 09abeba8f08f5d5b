#> grants --var s='{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }'
variable "s" { type = any }  #> allow ? -> * to any service
resource "aws_iam_policy" "p" { policy = jsonencode({ Statement = [var.s] }) }

#> grants
variable "role" { default = "app" }
resource "aws_iam_user_policy" "p" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/${var.role}-*" } })  #> allow u -> arn:aws:iam::*:role/app-* to any service
}

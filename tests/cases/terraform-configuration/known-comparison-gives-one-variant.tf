#> grants | when
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource =  #> allow ? -> arn:aws:iam::*:role/yes to any service
    "arn:aws:iam::*:role/${1 + 1 == 2 && "a" != "b" ? "yes" : "no"}" } })
}

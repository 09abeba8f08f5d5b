#> grants
resource "aws_iam_policy" "b" {
  name   = "limit"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_role" "r" { permissions_boundary = aws_iam_policy.b.arn }
module "m" {  #> not evaluated: module
  source  = "./nowhere"
  version = "1"
}

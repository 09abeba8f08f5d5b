# Unless these exclude passing the role.
#> scan --check 009 | principals, when
variable "prod" { type = bool }
resource "aws_iam_role" "r" {
  name               = "r"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } } })
}
resource "aws_iam_role_policy" "admin" {
  count  = var.prod ? 1 : 0
  role   = aws_iam_role.r.name
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:*", Resource = "*" } })
}
resource "aws_iam_user_policy" "always" {
  user   = "always"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.r.arn } })  #> 009 high (medium confidence, always, when var.prod is true)
}
resource "aws_iam_user_policy" "prod" {
  count  = var.prod ? 1 : 0
  user   = "prod"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.r.arn } })  #> 009 high (medium confidence, prod, when var.prod is true)
}
resource "aws_iam_user_policy" "dev" {
  count  = var.prod ? 0 : 1
  user   = "dev"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.r.arn } })
}

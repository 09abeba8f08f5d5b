# A boundary that may be null as well.
#> scan --check 008 | principals, when
variable "prod" { type = bool }
resource "aws_iam_role" "either" { name = "either" }
resource "aws_iam_role" "both" { name = "both" }
resource "aws_iam_role" "second" { name = "second" }
resource "aws_iam_role" "bounded" {
  name                 = "bounded"
  permissions_boundary = var.prod ? aws_iam_policy.x.arn : null
}
resource "aws_iam_role" "bounded_prod" {
  name                 = "bounded-prod"
  permissions_boundary = var.prod ? aws_iam_policy.x.arn : null
}
resource "aws_iam_policy" "a" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 008 high (medium confidence, aws_iam_role.both, when var.prod is true)
resource "aws_iam_policy" "a2" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 008 high (medium confidence, aws_iam_role.second, when var.prod is true)
resource "aws_iam_policy" "a3" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 008 high (medium confidence, aws_iam_role.bounded, when var.prod is false)
resource "aws_iam_policy" "b" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "lambda:*", Resource = "*" } }) }
resource "aws_iam_policy" "x" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "s3:*", Resource = "*" } }) }
resource "aws_iam_policy_attachment" "a" {
  count      = var.prod ? 1 : 0
  roles      = [aws_iam_role.either.name, aws_iam_role.both.name, aws_iam_role.bounded_prod.name]
  policy_arn = aws_iam_policy.a.arn
}
resource "aws_iam_policy_attachment" "a2" {
  roles      = [aws_iam_role.second.name]
  policy_arn = aws_iam_policy.a2.arn
}
resource "aws_iam_policy_attachment" "a3" {
  roles      = [aws_iam_role.bounded.name]
  policy_arn = aws_iam_policy.a3.arn
}
resource "aws_iam_policy_attachment" "b" {
  count      = var.prod ? 1 : 0
  roles      = [aws_iam_role.both.name, aws_iam_role.second.name]
  policy_arn = aws_iam_policy.b.arn
}
resource "aws_iam_policy_attachment" "b_not" {
  count      = var.prod ? 0 : 1
  roles      = [aws_iam_role.either.name]
  policy_arn = aws_iam_policy.b.arn
}
resource "aws_iam_policy_attachment" "b_always" {
  roles      = [aws_iam_role.bounded.name, aws_iam_role.bounded_prod.name]
  policy_arn = aws_iam_policy.b.arn
}

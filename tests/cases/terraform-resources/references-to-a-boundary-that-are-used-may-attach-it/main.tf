resource "aws_iam_policy" "local" {
  name   = "limit-1"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_policy" "used" {
  name   = "limit-2"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_policy" "passed" {
  name   = "limit-3"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_user" "x" { permissions_boundary = aws_iam_policy.local.arn }
resource "aws_iam_user" "y" { permissions_boundary = aws_iam_policy.used.arn }
resource "aws_iam_user" "z" { permissions_boundary = aws_iam_policy.passed.arn }
locals {
  limit = aws_iam_policy.local.arn
  other = local.limit
}
resource "x_y" "local" { given = lower(local.other) }
module "m" {
  source = "./child"
  used   = aws_iam_policy.used.arn
  passed = aws_iam_policy.passed.arn
}
resource "x_y" "passed" { given = lower(module.m.passed) }

# Inline and managed policies have the roles, users and groups that they are attached to.
#> grants | scope
resource "aws_iam_role" "r" {
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole" } })
  managed_policy_arns = [aws_iam_policy.b.arn]
  inline_policy {
    name   = "i"
    policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.r -> * to any service (any_role)
  }
}
resource "aws_iam_user" "u" { name = "joe" }
resource "aws_iam_policy" "a" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> allow aws_iam_role.r & aws_iam_user.u & ann -> * to any service (any_role)
resource "aws_iam_policy" "b" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> allow aws_iam_role.r -> * to any service (any_role)
resource "aws_iam_role_policy" "rp" {
  role   = aws_iam_role.r.id
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.r -> * to any service (any_role)
}
resource "aws_iam_user_policy" "up" {
  user   = aws_iam_user.u.name
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_user.u -> * to any service (any_role)
}
resource "aws_iam_group_policy" "gp" {
  group  = "admins"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow admins -> * to any service (any_role)
}
resource "aws_iam_role_policy_attachment" "x" {
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.a.arn
}
resource "aws_iam_policy_attachment" "y" {
  name       = "y"
  users      = [aws_iam_user.u.name, "ann"]
  policy_arn = aws_iam_policy.a.arn
}

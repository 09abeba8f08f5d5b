# Indexes, keys and splats resolve to their role.
#> grants | scope
variable "u" {}
resource "aws_iam_role" "r" {
  count = 1
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole" } })
}
resource "aws_iam_role" "e" {
  for_each = toset(["a"])
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole" } })
}
resource "aws_iam_role" "u" {
  for_each = var.u
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole" } })
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.r[0].arn }] })  #> allow ? -> ${aws_iam_role.r[0].arn} to any service (role_in_template)
}
resource "aws_iam_policy" "p2" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.e["a"].arn }] })  #> allow ? -> ${aws_iam_role.e["a"].arn} to any service (role_in_template)
}
resource "aws_iam_policy" "p3" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.r.0.arn } })  #> allow ? -> ${aws_iam_role.r[0].arn} to any service (role_in_template)
}
resource "aws_iam_policy" "p4" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.u["x"].arn }] })  #> allow ? -> ${aws_iam_role.u["x"].arn} to any service (role_in_template)
}
resource "aws_iam_policy" "p5" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.u[*].arn }] })  #> allow ? -> ${aws_iam_role.u.arn} to any service (role_in_template)
}
resource "aws_iam_policy" "p6" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = values(aws_iam_role.e)[0].arn }] })  #> allow ? -> ${aws_iam_role.e["a"].arn} to any service (role_in_template)
}
resource "aws_iam_policy" "p7" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = one(aws_iam_role.r[*].arn) }] })  #> allow ? -> ${aws_iam_role.r[0].arn} to any service (role_in_template)
}

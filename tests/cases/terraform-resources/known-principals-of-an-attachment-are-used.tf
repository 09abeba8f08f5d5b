# Known principals of an attachment are used; numbers are no principals, and null attaches nothing.
#> grants
variable "u" {}
resource "aws_iam_role" "r" {
  name = "r"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole" } })
  managed_policy_arns = var.u ? [aws_iam_policy.a.arn] : null
}
resource "aws_iam_policy" "a" {
  name = "a"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.r & ${var.u} -> * to any service
}
resource "aws_iam_policy_attachment" "x" {
  policy_arn = "arn:aws:iam::aws:policy/X"  #> not evaluated: defined_elsewhere
  roles = [aws_iam_role.r.name, 5]
}
resource "aws_iam_user_policy_attachment" "x" {
  user = aws_iam_role.r.name
  policy_arn = aws_iam_policy.a.description  #> not evaluated: defined_elsewhere
}
resource "aws_iam_group_policy_attachment" "y" {
  group = var.u
  policy_arn = aws_iam_policy.a
}

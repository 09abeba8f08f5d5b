#> grants
variable "arn" {}
resource "aws_iam_policy" "b" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_role" "r" { permissions_boundary = aws_iam_policy.b.arn }
resource "aws_iam_role_policy_attachment" "x" {
  role       = "x"
  policy_arn = var.arn  #> not evaluated: defined_elsewhere
}

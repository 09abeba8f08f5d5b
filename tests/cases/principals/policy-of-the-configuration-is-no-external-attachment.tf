# A policy of the configuration, attached by reference or by ARN, is known; its grants stand at the policy alone.
#> grants
resource "aws_iam_role" "r" { name = "worker" }
resource "aws_iam_policy" "p" {
  name   = "own"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.r -> * to any service
}
resource "aws_iam_role_policy_attachment" "a" {
  role       = aws_iam_role.r.name
  policy_arn = aws_iam_policy.p.arn
}
resource "aws_iam_role_policy_attachment" "b" {
  role       = aws_iam_role.r.name
  policy_arn = "arn:aws:iam::111122223333:policy/own"
}

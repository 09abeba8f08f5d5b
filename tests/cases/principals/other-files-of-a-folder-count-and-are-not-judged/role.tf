resource "aws_iam_role" "r" { name = "worker" }
resource "aws_iam_role_policy_attachment" "a" {
  role       = aws_iam_role.r.name
  policy_arn = "arn:aws:iam::aws:policy/AWSLambda_FullAccess"
}

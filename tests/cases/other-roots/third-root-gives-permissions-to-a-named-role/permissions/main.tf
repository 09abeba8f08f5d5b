resource "aws_iam_role_policy_attachment" "r" {
  role       = "app"
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

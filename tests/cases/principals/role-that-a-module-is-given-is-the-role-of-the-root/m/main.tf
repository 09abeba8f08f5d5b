variable "role" {}
resource "aws_iam_role_policy_attachment" "a" {
  role       = var.role
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

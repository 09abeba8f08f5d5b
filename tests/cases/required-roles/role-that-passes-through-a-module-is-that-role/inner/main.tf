variable "role" {}
resource "aws_iam_role" "own" { name = "app" }
resource "aws_lambda_function" "f" { role = var.role }
output "arn" { value = aws_iam_role.own.arn }

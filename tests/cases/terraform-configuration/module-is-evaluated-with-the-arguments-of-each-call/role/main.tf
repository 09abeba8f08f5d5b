variable "name" {}
resource "aws_iam_role" "this" { name = var.name }
output "arn" { value = aws_iam_role.this.arn }

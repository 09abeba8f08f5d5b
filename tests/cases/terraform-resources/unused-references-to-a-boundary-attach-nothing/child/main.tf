variable "limit" { default = null }
variable "used" { default = null }
variable "passed" { default = null }
output "passed" { value = var.passed }
resource "aws_iam_user" "x" { permissions_boundary = var.limit }
resource "x_y" "x" { given = lower(var.used) }

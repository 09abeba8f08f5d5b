variable "used" { default = null }
variable "passed" { default = null }
output "passed" { value = var.passed }
resource "x_y" "x" { given = lower(var.used) }

variable "a" { default = "arn:aws:iam::*:role/own" }
output "a" { value = var.a }

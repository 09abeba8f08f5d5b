variable "r" {
  default  = "arn:aws:iam::*:role/default"
  nullable = false
}
output "r" { value = var.r }

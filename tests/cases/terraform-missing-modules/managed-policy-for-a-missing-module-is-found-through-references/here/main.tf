variable "given" {}
output "given" { value = var.given }
module "away" {
  source = "./nowhere"
  arns   = var.given
}

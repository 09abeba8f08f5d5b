# A condition that compares a computed value of a module names that module once.
variable "pool_config" { default = [] }
module "runners" {
  source      = "./runners"
  pool_config = var.pool_config
}

variable "pool_config" {
  default = []
}
module "pool" {
  count  = length(var.pool_config) == 0 ? 0 : 1
  source = "./pool"
}

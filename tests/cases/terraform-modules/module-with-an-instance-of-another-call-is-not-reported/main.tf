variable "unknown" {}
module "none" {
  source = "./child"
  count  = 0
}
module "m" {
  source = "./child"
  count  = var.unknown
}

variable "x" {}
module "on" {
  source = "./on"
  count  = var.x ? 1 : 0
}
module "off" {
  source   = "./off"
  for_each = var.x ? {} : { a = 1 }
}
module "always" {
  source = "./always"
  count  = var.x ? 1 : 2
}

variable "on" { default = false }
module "zero" {
  source = "./zero"
  count  = 0
}
module "off" {
  source = "./off"
  count  = var.on ? 1 : 0
}
module "no_keys" {
  source   = "./no-keys"
  for_each = {}
}
module "empty" {
  source   = "./empty"
  for_each = toset([])
}

# The same module: switched on by default, off by default, by the caller's own variable, and by a literal.
variable "on" { default = false }
module "on" {
  source = "./m"
  create = true
}
module "off" {
  source = "./off"
}
module "by_caller" {
  source = "./off"
  create = var.on
}
module "never" {
  source = "./never"
  create = false
}
module "counted" {
  source = "./counted"
  count  = var.on ? 1 : 0
}

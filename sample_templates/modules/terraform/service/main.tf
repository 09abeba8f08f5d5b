# What a service needs; here it is only the one who deploys it, a module inside this module.

variable "name" {
  type = string
}

variable "passable_roles" {
  type    = list(string)
  default = ["*"]
}

module "deployer" {
  source = "./deployer"

  name  = "${var.name}-deployer"
  roles = var.passable_roles
}

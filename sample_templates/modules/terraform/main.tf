# One root module, its values in terraform.tfvars, and the modules that it calls. Nothing is run or downloaded: the
# modules are evaluated with the arguments of each call, and a finding names the call by its address.

variable "tasks" {
  description = "The tasks that run here, by name."
  type = map(object({
    path    = optional(string, "/tasks/")
    service = optional(string, "ecs-tasks.amazonaws.com")
  }))
}

variable "role_prefix" {
  type    = string
  default = "*" # terraform.tfvars says otherwise, so this is not judged
}

variable "break_glass" {
  type    = bool
  default = false
}

# A local module for each entry of a map: module.task["web"], module.task["report"].
module "task" {
  source   = "./task-role"
  for_each = var.tasks

  name    = each.key
  path    = each.value.path
  service = each.value.service
}

# One module, called twice. Clean: the deployer of web may pass one role, to one service.
module "web" {
  source = "./service"

  name           = "web"
  passable_roles = [module.task["web"].arn]
}

# Flagged (001): this call leaves out which roles, and the module's default is all of them.
module "report" {
  source = "./service"

  name = "report"
}

# Clean: every role that the calls of a module make, and no other.
module "scheduler" {
  source = "./service"

  name           = "scheduler"
  passable_roles = values(module.task)[*].arn
}

# Flagged (002): a module of a registry, read where terraform init has put it. It names no service.
module "pipeline" {
  source  = "acme/pipeline/aws"
  version = "1.4.0"

  role_prefix = var.role_prefix
}

# Not judged, and said so: by the values that are known there is no instance of it.
module "break_glass" {
  source = "./break-glass"
  count  = var.break_glass ? 1 : 0
}

# Not judged, and said so: a module that is not installed.
module "network" {
  source  = "acme/network/aws"
  version = "2.0.0"
}

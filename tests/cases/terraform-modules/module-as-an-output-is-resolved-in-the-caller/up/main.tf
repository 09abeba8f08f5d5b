module "x" {
  source   = "../child"
  for_each = toset(["a", "b"])
}
module "one" { source = "../child" }
output "whole" { value = module.one }
output "all" { value = module.x }

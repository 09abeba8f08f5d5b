# And nothing else is.
#> grants
variable "x" {}
module "a" {  #> not evaluated: module
  source = "example.com/some/module"
  p = { a = { b = { c = { d = { e = { f = { policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }) } } } } } } }  #> not evaluated: other
}
module "b" {
  source = "example.com/some/module"
  p = { a = { b = { c = { d = { e = { f = { statement = { actions = ["iam:PassRole"], resources = ["*"] } } } } } } } }  #> not evaluated: other
}
module "c" {
  source = "example.com/some/module"
  p = { a = { b = { c = { d = { e = { f = {  #> not evaluated: other
    more = var.x ? [{ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }] : [] } } } } } } }
}
module "d" {
  source = "example.com/some/module"
  p = { a = { b = { c = { d = { e = { f = { g = { h = ["text"] }, actions = "x" } } } } } } }
}

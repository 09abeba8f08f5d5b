# It belongs to a resource-based or trust policy; the other statements of the collection are a document without it.
#> grants | when
variable "x" {}
module "m" {  #> not evaluated: module
  source = "example.com/some/module"
  p = {
    a = { actions = ["iam:PassRole"], resources = ["*"] }  #> allow ? -> * to any service
    b = { effect = "Deny", actions = ["iam:PassRole"], resources = ["*/b"] }  #> deny ? -> */b to any service
    s = { actions = ["iam:PassRole"], resources = ["*"], principals = [{ type = "AWS", identifiers = ["*"] }] }
    c = var.x ? { actions = ["iam:PassRole"], resources = ["*/c"] } : null  #> allow ? -> */c to any service (when var.x is true)
  }
}

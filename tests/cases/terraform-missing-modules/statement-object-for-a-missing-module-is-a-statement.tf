# An object with the keys of a statement block or of a document; its default effect is Allow.
#> grants
variable "x" {}
module "m" {  #> not evaluated: module
  source            = "example.com/some/module"
  policy_statements = { pass = { actions = ["iam:PassRole"], resources = ["*"] } }  #> allow ? -> * to any service
  denied            = { pass = { effect = "Deny", actions = ["iam:PassRole"], resources = ["*"] } }  #> deny ? -> * to any service
  iam_policy        = [{ statements = [{ effect = null, actions = ["iam:PassRole"], resources = ["*"], principals = [] }] }]  #> allow ? -> * to any service
  statements        = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]  #> allow ? -> * to any service
  statement         = { effect = "Allow", actions = var.x, resources = ["*"], not_actions = null }  #> allow ? -> * to any service
  conditional       = var.x ? [{ actions = ["iam:PassRole"], resources = ["*"] }] : []  #> allow ? -> * to any service
}

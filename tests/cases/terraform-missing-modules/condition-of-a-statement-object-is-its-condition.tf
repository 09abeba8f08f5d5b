# Objects with test, variable and values (one, a list, a map), or as in a document. An unknown one is no absent one.
#> grants
variable "x" {}
module "m" {  #> not evaluated: module
  source = "example.com/some/module"
  a = { actions = ["iam:PassRole"], resources = ["*"],  #> allow ? -> * to lambda.amazonaws.com
    condition = { test = "StringEquals", variable = "iam:PassedToService", values = ["lambda.amazonaws.com"] } }
  b = { actions = ["iam:PassRole"], resources = ["*"],  #> allow ? -> * to lambda.amazonaws.com
    condition = [{ test = "StringEquals", variable = "iam:PassedToService", values = ["lambda.amazonaws.com"] }] }
  c = { actions = ["iam:PassRole"], resources = ["*"],  #> allow ? -> * to lambda.amazonaws.com
    conditions = { a = { test = "StringEquals", variable = "iam:PassedToService", values = ["lambda.amazonaws.com"] } } }
  d = { actions = ["iam:PassRole"], resources = ["*"],  #> allow ? -> * to lambda.amazonaws.com
    condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } }
  e = { actions = ["iam:PassRole"], resources = ["*"], conditions = var.x }  #> allow ? -> * to any service (unresolved)
}

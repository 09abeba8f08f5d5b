# The module completes it.
#> grants
module "m" {  #> not evaluated: module
  source = "example.com/some/module"
  s      = { actions = ["iam:PassRole"], resources = [] }  #> allow ? -> ${resources} to any service
}

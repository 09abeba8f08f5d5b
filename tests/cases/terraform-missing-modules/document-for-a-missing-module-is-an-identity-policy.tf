# In any kind of argument.
#> grants
variable "x" {}
module "m" {  #> not evaluated: module
  source      = "example.com/some/module"
  text        = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> allow ? -> * to any service
  object      = { Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }  #> allow ? -> * to any service
  policies    = [jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })]  #> allow ? -> * to any service
  roles       = { app = { inline = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }) } }  #> allow ? -> * to any service
  conditional = var.x ? jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }) : null  #> allow ? -> * to any service
  json        = "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"${var.x}\"}]}"  #> allow ? -> ${var.x} to any service
}

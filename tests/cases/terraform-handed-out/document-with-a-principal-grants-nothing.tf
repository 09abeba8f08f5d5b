# A trust policy or resource-based policy grants no PassRole, whatever its actions are.
#> grants
#> grants --all
output "trust" { value = jsonencode({ Statement = { Principal = "*", Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> allow (none) ? -> * to any service
#> exit 0

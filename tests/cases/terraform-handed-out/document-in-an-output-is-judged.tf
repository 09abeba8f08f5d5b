#> scan --check 001 | resource
output "text" { value = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 001 high (medium confidence, output.text)
output "object" { value = { a = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) } }  #> 001 high (medium confidence, output.object)

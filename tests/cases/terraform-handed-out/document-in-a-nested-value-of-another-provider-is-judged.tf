#> scan --check 001 | resource
resource "acme_role" "block" {
  inline { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 001 high (medium confidence, acme_role.block)
}
resource "acme_role" "list" {
  policies = [{ name = "a", json = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }]  #> 001 high (medium confidence, acme_role.list)
}
resource "acme_role" "dynamic" {
  dynamic "inline" {
    for_each = [jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })]  #> 001 high (medium confidence, acme_role.dynamic)
    content { policy = inline.value }
  }
}

# A resource of another provider gets documents by each.value, in an argument or in a nested block.
locals {
  docs  = { a = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] }) }  #> 001 high (medium confidence)
  sizes = { a = 1 }
}
resource "vault_aws_secret_backend_role" "r" {
  for_each        = local.docs
  backend         = "aws"
  name            = each.key
  credential_type = "iam_user"
  policy_document = each.value
}
resource "other_role" "nested" {
  for_each = local.docs
  inline {
    policy = each.value
  }
}
resource "other_role" "without" {
  for_each = local.sizes
  policy   = each.value
}

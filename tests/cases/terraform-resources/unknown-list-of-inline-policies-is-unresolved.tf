# An unknown list is one unresolved policy; a conditional one keeps its condition.
#> grants | when
variable "p" {}
variable "on" {}
resource "awscc_iam_user" "x" { policies = var.p }  #> allow awscc_iam_user.x -> ${var.p} to any service (unresolved); allow awscc_iam_user.x3 -> ${var.p} to any service (unresolved)
resource "awscc_iam_user" "x2" {
  policies = var.on ? [{ policy_document = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }] : []  #> allow awscc_iam_user.x2 -> * to any service (when var.on is true)
}
resource "awscc_iam_user" "x3" {
  policies = concat([{ policy_document = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }], var.p)  #> allow awscc_iam_user.x3 -> * to any service
}

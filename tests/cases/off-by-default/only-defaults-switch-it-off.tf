#> scan | when
# Evaluated once without the defaults; a literal or a default that is not read changes nothing.
variable "create" { default = false }
variable "name" { default = "app" }
variable "teams" { default = {} }
variable "number" { default = 0 }
variable "extra" { default = [] }
variable "settings" { default = { create = false } }
locals {
  on   = var.create && var.name != ""
  none = false
}
resource "aws_iam_policy" "by_count" {
  count  = local.on ? 1 : 0
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> 001 low (medium confidence, when var.create is true, off by default)
}
resource "aws_iam_policy" "by_attribute" {
  count  = var.settings.create ? 1 : 0
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> 001 low (medium confidence, when var.settings.create is true, off by default)
}
resource "aws_iam_policy" "by_number" {
  count  = var.number
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> 001 low (medium confidence, when var.number is positive, off by default)
}
resource "aws_iam_policy" "by_key" {
  for_each = var.teams
  policy   = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${each.key}-*" }] })  #> 002 low (medium confidence, when var.teams is not empty, off by default)
}
resource "aws_iam_policy" "literal" {  #> not evaluated: no_instance
  count  = local.none ? 1 : 0
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
data "aws_iam_policy_document" "dynamic" {
  dynamic "statement" {
    for_each = var.extra
    content {  #> 002 low (medium confidence, when var.extra is not empty, off by default); 014 low (low confidence, when var.extra is not empty, off by default)
      actions   = ["iam:PassRole"]
      resources = [statement.value]
    }
  }
}
resource "aws_iam_policy" "dynamic" {
  policy = data.aws_iam_policy_document.dynamic.json
}
resource "aws_iam_role" "inline" {
  name               = "inline"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }] })
  dynamic "inline_policy" {
    for_each = var.create ? ["pass"] : []
    content {
      name   = inline_policy.value
      policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> 001 low (medium confidence, when var.create is true, off by default)
    }
  }
}

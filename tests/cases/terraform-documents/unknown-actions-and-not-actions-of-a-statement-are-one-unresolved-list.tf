#> grants
variable "s" {}
data "aws_iam_policy_document" "d" {
  dynamic "statement" {
    for_each = var.s
    content {  #> allow ? -> ${var.s[*].resources, var.s[*].not_resources} to any service
      effect        = statement.value.effect
      actions       = statement.value.actions
      not_actions   = statement.value.not_actions
      resources     = statement.value.resources
      not_resources = statement.value.not_resources
    }
  }
  dynamic "statement" {
    for_each = var.s
    content {  #> allow ? -> ${var.s[*]["resources"], var.s.not_resources} to any service
      effect        = lookup(statement.value, "effect", null)
      actions       = lookup(statement.value, "actions", null)
      not_actions   = try(var.s.not_actions, null)
      resources     = lookup(statement.value, "resources", null)
      not_resources = try(var.s.not_resources, null)
    }
  }
  statement {  #> allow ? -> arn:aws:iam::*:role/known to any service
    actions     = var.s
    not_actions = ["s3:*"]
    resources   = ["arn:aws:iam::*:role/known"]
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

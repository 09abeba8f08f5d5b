#> scan
variable "u" {}
data "aws_iam_policy_document" "bucket" {
  dynamic "statement" {
    for_each = flatten([for k, v in var.u : [
      for name, list in v.policies : [for one in list : merge(one, { resources = ["arn:aws:s3:::y"] })] if name == "P"]])
    content {
      effect    = statement.value.effect
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}
data "aws_iam_policy_document" "any" {
  dynamic "statement" {
    for_each = flatten([for k, v in var.u : [
      for name, list in v.policies : [for one in list : merge(one, { resources = ["*"] })] if name == "P"]])
    content {  #> 014 low (low confidence)
      effect    = statement.value.effect
      actions   = statement.value.actions
      resources = statement.value.resources
    }
  }
}
resource "aws_iam_policy" "bucket" { policy = data.aws_iam_policy_document.bucket.json }
resource "aws_iam_policy" "any" { policy = data.aws_iam_policy_document.any.json }

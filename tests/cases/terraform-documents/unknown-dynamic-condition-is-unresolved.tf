#> grants
variable "x" {}
data "aws_iam_policy_document" "d" {
  statement {  #> allow ? -> * to any service (unresolved)
    actions   = ["iam:PassRole"]
    resources = ["*"]
    dynamic "condition" {
      for_each = var.x
      content {
        test     = condition.value.test
        variable = condition.value.variable
        values   = condition.value.values
      }
    }
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

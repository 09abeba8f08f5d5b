#> grants | when
variable "x" {}
data "aws_iam_policy_document" "d" {
  dynamic "statement" {
    for_each = var.x ? [1] : []
    content {  #> allow ? -> * to any service (when var.x is true)
      actions   = ["iam:PassRole"]
      resources = ["*"]
    }
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

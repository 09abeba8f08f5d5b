# `join("", data.….*.json)`, the old form for a single instance.
#> grants | when
variable "on" {}
data "aws_iam_policy_document" "d" {
  count = var.on ? 1 : 0
  statement {  #> allow ? -> * to any service (when var.on is true)
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "aws_iam_policy" "p" {
  count  = var.on ? 1 : 0
  policy = join("", data.aws_iam_policy_document.d.*.json)
}

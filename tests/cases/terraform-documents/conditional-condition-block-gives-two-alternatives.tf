#> grants | when
variable "x" {}
data "aws_iam_policy_document" "d" {
  statement {  #> allow ? -> * to ec2.amazonaws.com (when var.x is true); allow ? -> * to any service (when var.x is false)
    actions   = ["iam:PassRole"]
    resources = ["*"]
    dynamic "condition" {
      for_each = var.x ? ["ec2.amazonaws.com"] : []
      content {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = [condition.value]
      }
    }
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

# Unknown elements give one unresolved, conditional statement.
#> grants | when
variable "x" {}
data "aws_iam_policy_document" "d" {
  dynamic "statement" {
    for_each = toset(["a", "b"])
    iterator = it
    content {  #> allow ? -> arn:aws:iam::*:role/a to any service; allow ? -> arn:aws:iam::*:role/b to any service
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::*:role/${it.value}"]
    }
  }
  dynamic "statement" {
    for_each = var.x
    iterator = it
    content {  #> allow ? -> arn:aws:iam::*:role/${var.x[*]} to any service (when var.x is not empty)
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::*:role/${it.value}"]
    }
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

# AWS rejects a statement without resources.
#> grants
variable "roles" { default = [] }
data "aws_iam_policy_document" "d" {
  statement {  #> allow ? -> ${var.roles} to any service
    actions   = ["iam:PassRole"]
    resources = var.roles
  }
  statement {  #> allow ? -> ${[for name in var.roles : "arn:aws:iam::*:role/${name}"]} to any service
    actions   = ["iam:PassRole"]
    resources = [for name in var.roles : "arn:aws:iam::*:role/${name}"]
  }
  statement {  #> allow ? -> ${concat(var.roles)} to any service
    actions   = ["iam:PassRole"]
    resources = concat(var.roles)
  }
  statement {  #> unreadable
    actions   = ["iam:PassRole"]
    resources = []
  }
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }
#> exit 2

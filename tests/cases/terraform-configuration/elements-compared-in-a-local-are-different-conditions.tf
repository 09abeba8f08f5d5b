# A comparison evaluated in a loop and used elsewhere keeps its element.
#> grants | when
variable "p" {}
variable "q" {}
locals { c = [for s in [{ v = var.p }, { v = var.q }] : s.v == "x"] }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = [for n in [0, 1] : {  #> 2 x allow ? -> * to any service (when var.p = "x" and var.q = "x"); deny ? -> * to any service (when var.p is not "x"); allow (none) ? -> * to any service (when var.p = "x" and var.q is not "x"); deny ? -> * to any service (when var.q is not "x"); allow (none) ? -> * to any service (when var.p is not "x" and var.q = "x")
    Effect = local.c[n] ? "Allow" : "Deny", Action = "iam:PassRole", Resource = "*"
  }] })
}

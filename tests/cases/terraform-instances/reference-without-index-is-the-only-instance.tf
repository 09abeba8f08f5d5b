# Until Terraform 0.11, it is one to the first instance, which is resolved where there is no other.
#> grants
variable "x" {}
variable "n" {}
resource "aws_iam_role" "one" { count = 1 }
resource "aws_iam_role" "maybe" { count = "${var.x ? 1 : 0}" }
resource "aws_iam_role" "two" { count = 2 }
resource "aws_iam_role" "unknown" { count = var.n }
resource "aws_iam_role_policy" "one" {
  role   = "${aws_iam_role.one.name}"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.one[0] -> * to any service
}
resource "aws_iam_role_policy" "maybe" {
  role   = "${aws_iam_role.maybe.name}"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.maybe[0] -> * to any service
}
resource "aws_iam_role_policy" "two" {
  role   = "${aws_iam_role.two.name}"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.two -> * to any service
}
resource "aws_iam_role_policy" "unknown" {
  role   = "${aws_iam_role.unknown.name}"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.unknown -> * to any service
}

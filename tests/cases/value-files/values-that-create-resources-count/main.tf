variable "on" { default = false }
variable "policies" { default = [] }
locals {
  n = var.on ? 1 : 0
}
module "m" {
  source = "./m"
  n      = local.n
}
resource "aws_iam_user" "u" {
  name = "u"
}
resource "aws_iam_user_policy_attachment" "a" {
  for_each   = toset(var.policies)
  user       = aws_iam_user.u.name
  policy_arn = each.value
}

# Any use of a managed policy other than as a permissions boundary makes it one that may be attached.
#> grants
variable "n" {}
resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_role" "a" { permissions_boundary = aws_iam_policy.boundary.arn }
output "boundary" { value = aws_iam_policy.boundary.arn }
resource "aws_iam_role_policy_attachment" "read_only" {
  role       = "x"
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}
resource "aws_iam_policy" "attached" {
  name   = "attached"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow x -> * to any service
}
resource "aws_iam_role" "b" { permissions_boundary = aws_iam_policy.attached.arn }
resource "aws_iam_role_policy_attachment" "attached" {
  role       = "x"
  policy_arn = aws_iam_policy.attached.arn
}
resource "aws_iam_policy" "given" {
  name   = "given"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_role" "c" { permissions_boundary = aws_iam_policy.given.arn }
module "m" {  #> not evaluated: module
  source   = "x/y/z"
  policies = { a = aws_iam_policy.given.arn }
}
resource "aws_iam_policy" "listed" {
  name   = "listed"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow x -> * to any service
}
resource "aws_iam_role" "d" { permissions_boundary = aws_iam_policy.listed.arn }
locals { arns = [aws_iam_policy.listed.arn] }
resource "aws_iam_role_policy_attachment" "listed" {
  count      = var.n
  role       = "x"
  policy_arn = local.arns[count.index]
}
resource "aws_iam_policy" "named" {
  name   = "named"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow x -> * to any service
}
resource "aws_iam_role" "e" { permissions_boundary = aws_iam_policy.named.arn }
locals { name = "named" }
resource "aws_iam_role_policy_attachment" "named" {
  role       = "x"
  policy_arn = "arn:aws:iam::111122223333:policy/${local.name}"
}
resource "aws_iam_policy" "set" {
  name   = "set"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_role" "f" { permissions_boundary = aws_iam_policy.set.arn }
resource "aws_ssoadmin_customer_managed_policy_attachment" "set" {
  customer_managed_policy_reference { name = "set" }
}
resource "aws_iam_policy" "replaced" {
  name   = "replaced"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service
}
resource "aws_iam_role" "g" { permissions_boundary = aws_iam_policy.replaced.arn }
resource "x_y" "z" { given = replace(aws_iam_policy.replaced.arn, "a", "b") }

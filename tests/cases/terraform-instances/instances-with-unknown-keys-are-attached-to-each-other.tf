# A role with instances under unknown keys is one role, with the policies of all of them.
#> grants
variable "x" {}
resource "aws_iam_role" "each" { for_each = var.x }
resource "aws_iam_policy" "each" {
  for_each = var.x
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.each -> * to any service
}
resource "aws_iam_role_policy_attachment" "each" {
  for_each   = var.x
  role       = aws_iam_role.each[each.key].name
  policy_arn = aws_iam_policy.each[each.key].arn
}
resource "aws_iam_role" "count" { count = var.x }
resource "aws_iam_policy" "count" {
  count  = var.x
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow aws_iam_role.count -> * to any service
}
resource "aws_iam_role_policy_attachment" "count" {
  count      = var.x
  role       = aws_iam_role.count[count.index].name
  policy_arn = aws_iam_policy.count[count.index].arn
}

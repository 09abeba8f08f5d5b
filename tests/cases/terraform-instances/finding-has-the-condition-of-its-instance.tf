#> scan | when
variable "x" {}
resource "aws_iam_policy" "on" {
  count  = var.x ? 1 : 0
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 001 high (medium confidence, when var.x is true)
}
resource "aws_iam_policy" "off" {
  count  = var.x ? 0 : 1
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 001 high (medium confidence, when var.x is false)
}
resource "aws_iam_policy" "each" {
  for_each = var.x ? { a = "1" } : {}
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 001 high (medium confidence, when var.x is true)
}
resource "aws_iam_policy" "always" {
  count  = var.x ? 1 : 2
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 001 high
}

#> scan --check 001
variable "arn" {}
resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 high
}
resource "aws_iam_user_policy_attachment" "a" {
  user       = "bob"
  policy_arn = var.arn
}

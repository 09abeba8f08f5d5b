variable "x" {}
resource "aws_iam_role" "r" { name = var.x }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = [aws_iam_role.r.arn, "arn:aws:iam::111122223333:role/a-*"] } })  #> 002 medium
}

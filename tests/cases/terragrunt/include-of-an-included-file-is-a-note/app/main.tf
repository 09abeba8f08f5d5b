variable "role" { default = "arn:aws:iam::111122223333:role/default" }
resource "aws_iam_policy" "p" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = var.role } }) }

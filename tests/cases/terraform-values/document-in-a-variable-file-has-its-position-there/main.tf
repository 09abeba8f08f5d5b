variable "p" { type = any }
resource "aws_iam_policy" "p" { policy = jsonencode(var.p) }

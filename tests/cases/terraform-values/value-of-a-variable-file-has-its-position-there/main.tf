variable "statement" {}
resource "aws_iam_policy" "p" { policy = jsonencode({ Statement = [var.statement] }) }

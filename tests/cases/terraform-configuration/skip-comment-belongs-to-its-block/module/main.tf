variable "policy" {}
resource "aws_iam_policy" "p" { policy = var.policy }

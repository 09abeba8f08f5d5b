variable "document" {}
resource "aws_iam_policy" "p" { policy = var.document }

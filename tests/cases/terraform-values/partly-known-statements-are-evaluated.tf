#> scan
variable "u" {}
resource "aws_iam_policy" "a" { policy = jsonencode({ Statement = [merge(var.u, { Effect = "Allow", Action = "s3:*", Resource = "*" })] }) }
resource "aws_iam_policy" "b" { policy = jsonencode({ Statement = [merge(var.u, { Effect = "Allow", Action = "iam:PassRole", Resource = "*" })] }) }  #> 001 medium (medium confidence)
resource "aws_iam_policy" "c" { policy = jsonencode({ Statement = [merge({ Effect = "Allow", Action = "s3:*", Resource = "*" }, var.u)] }) }  #> 014 low (low confidence)

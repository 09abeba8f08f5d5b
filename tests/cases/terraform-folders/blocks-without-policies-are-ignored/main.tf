terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
  backend "s3" {}
}
moved {
  from = aws_iam_policy.old
  to   = aws_iam_policy.p
}
import {
  to = aws_iam_policy.p
  id = "x"
}
removed {
  from = aws_iam_policy.gone
  lifecycle { destroy = false }
}
check "c" {
  data "http" "h" { url = "https://example.com" }
  assert {
    condition     = true
    error_message = "x"
  }
}
resource "aws_iam_policy" "p" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }

variable "policy" {
  type    = string
  default = "{}"
}

variable "role_arn" {
  type = string
}

resource "aws_iam_policy" "reader" {
  name   = "reader"
  policy = var.policy
}

resource "aws_iam_policy" "start" {
  name = "start"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.role_arn
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }]
  })
}

# A module that units of Terragrunt deploy. With its defaults, it passes one role.

variable "role_arns" {
  type    = list(string)
  default = ["arn:aws:iam::111122223333:role/app"]
}

variable "service" {
  type = string
}

resource "aws_iam_policy" "deploy" {
  name = "deploy"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.role_arns # flagged: 001, with the inputs of production
      Condition = { StringEquals = { "iam:PassedToService" = var.service } }
    }]
  })
}

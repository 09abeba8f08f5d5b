# The defaults are narrow. A value file that no option names decides what is deployed.

variable "release_roles" {
  type    = list(string)
  default = ["arn:aws:iam::111122223333:role/app-release"]
}

variable "build_services" {
  type    = list(string)
  default = ["codebuild.amazonaws.com"]
}

variable "extra_statements" {
  type    = any
  default = []
}

variable "with_operators" {
  type    = bool
  default = false
}

variable "instance_count" {
  type    = number
  default = 1
}

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      {
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = var.release_roles # any role in envs/prod.tfvars and envs/stage.tfvars
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      {
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::111122223333:role/app-build"
        Condition = { StringLike = { "iam:PassedToService" = var.build_services } } # every service in envs/stage.tfvars
      },
    ], var.extra_statements)
  })
}

resource "aws_iam_policy" "operators" {
  count = var.with_operators ? 1 : 0
  name  = "operators"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-*" }]
  })
}

resource "aws_instance" "worker" {
  count         = var.instance_count
  ami           = "ami-0123456789abcdef0"
  instance_type = "t3.micro"
}

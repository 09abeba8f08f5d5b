provider "aws" { region = "eu-west-1" }
provider "aws" { alias = "x" }
resource "aws_iam_policy" "p" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::999999999999:role/app" } }) }

# The account of the default provider applies only if it creates all roles and policies.
#> scan --check 002,005
provider "aws" { allowed_account_ids = ["111122223333"] }
provider "aws" { alias = "other" }
resource "aws_iam_role" "r" { provider = aws.other }
resource "aws_iam_user_policy" "p" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::999999999999:role/app" } })  #> 002 low
}

#> scan --check 002,005
provider "aws" { allowed_account_ids = ["111122223333"] }
provider "aws" { alias = "other" }
provider "aws" {
  alias               = "us"
  allowed_account_ids = ["111122223333"]
}
resource "aws_iam_role" "a" { provider = aws.us }
resource "aws_iam_role" "b" { provider = aws }
resource "aws_acm_certificate" "c" { provider = aws.other }
resource "aws_iam_user_policy" "p" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::999999999999:role/app" } })  #> 005 low
}

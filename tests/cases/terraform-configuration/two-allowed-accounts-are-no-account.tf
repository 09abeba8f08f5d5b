provider "aws" { allowed_account_ids = ["111122223333", "222233334444"] }
resource "aws_iam_user_policy" "p" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::999999999999:role/app" } })  #> 002 low
}

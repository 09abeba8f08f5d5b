# A role of another account cannot be passed there. An aliased provider beside the default one changes nothing.
provider "aws" { allowed_account_ids = ["111122223333"] }
provider "aws" { alias = "a" }
resource "aws_iam_user_policy" "p" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::999999999999:role/app" } })  #> 005 low
}

#> grants
data "aws_caller_identity" "me" {}
resource "aws_organizations_policy" "p" {
  name    = "no-passing"
  content = jsonencode({ Statement = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } })  #> deny ? -> * to any service
}
resource "aws_organizations_policy_attachment" "a" {
  provider  = aws.organization
  policy_id = aws_organizations_policy.p.id
  target_id = data.aws_caller_identity.me.account_id
}
resource "aws_iam_user_policy" "p" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow (none) u -> * to any service; not evaluated: denied
}

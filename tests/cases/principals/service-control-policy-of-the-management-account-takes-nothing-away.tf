# The account that attaches it is the management account of the organization, in which service control policies have
# no effect.
#> grants
data "aws_caller_identity" "me" {}
resource "aws_organizations_policy" "p" {
  name    = "no-passing"
  content = jsonencode({ Statement = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_organizations_policy_attachment" "a" {
  policy_id = aws_organizations_policy.p.id
  target_id = data.aws_caller_identity.me.account_id
}
resource "aws_iam_user_policy" "p" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow u -> * to any service
}

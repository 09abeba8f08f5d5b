# Terraform rejects duplicate attributes; the second is reported with its line, and the policy is still read.
#> grants
resource "aws_iam_user_policy" "p" {
  user   = "first"
  user   = "second"  #> unreadable
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow second -> * to any service
}
#> exit 2

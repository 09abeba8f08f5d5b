# Not the AWS managed policy of the group; one for the group does.
#> scan --check 013 --severity info | principals
resource "aws_iam_group_policy_attachment" "a" {
  group      = "a"
  policy_arn = "arn:aws:iam::aws:policy/AWSLambda_FullAccess"  #> 013 medium (a (group))
}
resource "aws_iam_user_policy" "a" {
  user   = "a"
  policy = jsonencode({ Statement = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_group_policy_attachment" "b" {
  group      = "b"
  policy_arn = "arn:aws:iam::aws:policy/AWSLambda_FullAccess"  #> not evaluated: denied
}
resource "aws_iam_group_policy" "b" {
  group  = "b"
  policy = jsonencode({ Statement = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } })
}

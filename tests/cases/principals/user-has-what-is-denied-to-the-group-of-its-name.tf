# A user is in the group with its own name; the group does not have what is denied to the user.
#> scan --check 001 | principals
resource "aws_iam_user_group_membership" "one" {  #> not evaluated: defined_elsewhere
  user   = "one"
  groups = ["one"]
}
resource "aws_iam_user_policy" "one" {
  user   = "one"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> not evaluated: denied
}
resource "aws_iam_group_policy" "one" {
  group  = "one"
  policy = jsonencode({ Statement = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_user_group_membership" "two" {  #> not evaluated: defined_elsewhere
  user   = "two"
  groups = ["two"]
}
resource "aws_iam_group_policy" "two" {
  group  = "two"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 001 high (two (group))
}
resource "aws_iam_user_policy" "two" {
  user   = "two"
  policy = jsonencode({ Statement = { Effect = "Deny", Action = "iam:PassRole", Resource = "*" } })
}

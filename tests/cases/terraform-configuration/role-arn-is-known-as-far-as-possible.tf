# The reference to a role matches what a Deny says about the name, the prefix of a generated name and the path.
#> grants
resource "aws_iam_role" "named" {
  name = "app"
  path = "/team/"
}
resource "aws_iam_role" "prefixed" { name_prefix = "app-" }
resource "aws_iam_role" "generated" {}
resource "aws_iam_user_policy" "a" {
  user = "a"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.named.arn },  #> allow (none) a -> ${aws_iam_role.named.arn} to any service; not evaluated: denied
    { Effect = "Deny", Action = "iam:PassRole", Resource = "arn:*:iam::*:role/team/app" },  #> deny a -> arn:*:iam::*:role/team/app to any service
  ] })
}
resource "aws_iam_user_policy" "b" {
  user = "b"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.named.arn },  #> allow b -> ${aws_iam_role.named.arn} to any service
    { Effect = "Deny", Action = "iam:PassRole", Resource = "arn:*:iam::*:role/app" },  #> deny b -> arn:*:iam::*:role/app to any service
  ] })
}
resource "aws_iam_user_policy" "c" {
  user = "c"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.prefixed.arn },  #> allow (none) c -> ${aws_iam_role.prefixed.arn} to any service; not evaluated: denied
    { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.generated.arn },  #> allow c -> ${aws_iam_role.generated.arn} to any service
    { Effect = "Deny", Action = "iam:PassRole", Resource = "arn:*:iam::*:role/app-*" },  #> deny c -> arn:*:iam::*:role/app-* to any service
  ] })
}

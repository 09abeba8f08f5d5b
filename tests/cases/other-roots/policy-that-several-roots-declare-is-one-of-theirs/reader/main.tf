data "aws_iam_policy" "deploy" {
  name = "deploy"
}
resource "aws_iam_user_policy_attachment" "by_name" {
  user       = "ann"
  policy_arn = data.aws_iam_policy.deploy.arn
}
resource "aws_iam_user_policy_attachment" "by_arn" {
  user       = "bob"
  policy_arn = "arn:aws:iam::111122223333:policy/deploy"
}
resource "aws_iam_user_policy" "pass" {
  for_each = toset(["ann", "bob"])
  user     = each.key
  policy   = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-admin", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } }] })
}

resource "aws_iam_user_policy" "u" {
  user = "u"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/dev-exec", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } },
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/dev-task", Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } },
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/prod-exec", Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } } },
    { Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction", "ecs:CreateCluster", "ecs:RegisterTaskDefinition", "ecs:RunTask"], Resource = "*" },
  ] })
}

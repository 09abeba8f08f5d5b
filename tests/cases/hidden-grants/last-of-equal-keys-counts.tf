# In an object and in a condition, where it drops the service.
resource "aws_iam_policy" "merged" {
  policy = jsonencode({ Statement = [merge({ Effect = "Deny" }, { Effect = "Allow", Action = "iam:PassRole", Resource = "*" })] })  #> 001 high
}
resource "aws_iam_policy" "denied" {
  policy = jsonencode({ Statement = [merge({ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }, { Effect = "Deny" })] })
}
resource "aws_iam_policy" "action" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "s3:Get", Action = "iam:P*", Resource = "*" } })  #> 001 high
}
resource "aws_iam_policy" "operator" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/a-*",  #> 002 medium
    Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" }, StringEquals = { "aws:RequestedRegion" = "x" } } } })
}

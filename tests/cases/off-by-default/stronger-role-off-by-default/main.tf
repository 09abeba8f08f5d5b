# A role that is off by default takes nothing from the finding on those that are on.
module "on" {
  source = "./m"
  name   = "on"
  create = true
}
module "off" {
  source = "./m"
  name   = "off"
}
resource "aws_iam_role" "strong" {
  name               = "strong"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "strong" {
  role   = aws_iam_role.strong.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }] })
}

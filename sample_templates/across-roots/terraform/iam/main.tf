# Passes its outputs and an SSM parameter to the roots beside it.

terraform {
  backend "s3" {
    bucket = "example-states"
    key    = "iam/terraform.tfstate"
    region = "eu-west-1"
  }
}

variable "prefix" {
  default = "app"
}

resource "aws_iam_role" "task" {
  name = "${var.prefix}-task"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }]
  })
}

output "task_role_arn" {
  value = aws_iam_role.task.arn
}

output "role_pattern" {
  value = "arn:aws:iam::*:role/*"
}

output "unused" {
  value = "nothing reads it"
}

resource "aws_ssm_parameter" "roles" {
  name  = "/deploy/roles"
  type  = "String"
  value = "arn:aws:iam::*:role/team-*"
}

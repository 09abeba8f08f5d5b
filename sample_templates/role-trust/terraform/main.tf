# Roles with wide permissions, by who can assume them: a workload, CloudFormation, a repository's workflows, EventBridge,
# and services that never run caller code.

variable "repository" {
  default = "octo/orders"
}

locals {
  trust = {
    for name in ["application-autoscaling", "backup", "cloudformation", "ec2", "events"] : name => jsonencode({
      Version = "2012-10-17"
      Statement = [
        { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "${name}.amazonaws.com" } },
      ]
    })
  }
}

# anyone who can use the instance is an administrator: high
resource "aws_iam_role" "instance" {
  name                = "instance"
  assume_role_policy  = local.trust["ec2"]
  managed_policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]
}

# two roles with which CloudFormation deploys stacks: one finding, medium
resource "aws_iam_role" "stacks" {
  for_each            = toset(["app", "data"])
  name                = "stacks-${each.key}"
  assume_role_policy  = local.trust["cloudformation"]
  managed_policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"]
}

resource "aws_iam_role" "network" {
  name               = "stacks-network"
  assume_role_policy = local.trust["cloudformation"]
}

resource "aws_iam_role_policy_attachment" "network" {
  role       = aws_iam_role.network.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

# the same access for the workflows of one repository, in an inline policy: medium
resource "aws_iam_role" "workflows" {
  name = "workflows"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = { StringLike = { "token.actions.githubusercontent.com:sub" = "repo:${var.repository}:*" } }
    }]
  })
}

resource "aws_iam_role_policy" "workflows" {
  role   = aws_iam_role.workflows.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })
}

# AWS's role for scheduled tasks: EventBridge runs one task definition, and passes the roles of its tasks: low
resource "aws_iam_role" "schedule" {
  name               = "schedule"
  assume_role_policy = local.trust["events"]
}

resource "aws_iam_role_policy" "schedule" {
  role = aws_iam_role.schedule.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "ecs:RunTask", Resource = "arn:aws:ecs:eu-west-1:111122223333:task-definition/report:*" },
      { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/report-*" },
    ]
  })
}

# any role, but only a service that does its own work can use it: low
resource "aws_iam_role" "backup" {
  name               = "nightly-backup"
  assume_role_policy = local.trust["backup"]
}

resource "aws_iam_role_policy" "backup" {
  role   = aws_iam_role.backup.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}

# any role, but only to a service that does its own work: low
resource "aws_iam_role_policy" "scaling" {
  role = aws_iam_role.instance.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "*"
      Condition = { StringEquals = { "iam:PassedToService" = "application-autoscaling.amazonaws.com" } }
    }]
  })
}

# can grant itself everything: any-role says it all, although it can also launch functions
resource "aws_iam_role" "iam" {
  name               = "iam"
  assume_role_policy = local.trust["ec2"]
}

resource "aws_iam_role_policy" "iam" {
  role = aws_iam_role.iam.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "iam:*", Resource = "*" },
      { Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource = "*" },
    ]
  })
}

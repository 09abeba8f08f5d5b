# Inline policies: one statement that is flagged and one that is clean for each kind of holder.

locals {
  pass_any = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "PassAnyRole"
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = "*"
    }]
  })

  pass_one = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "PassTheTaskRole"
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = aws_iam_role.task.arn
      Condition = {
        StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" }
      }
    }]
  })

  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role" "task" {
  name               = "task"
  assume_role_policy = local.trust
}

resource "aws_iam_role" "deployer" {
  name               = "deployer"
  assume_role_policy = local.trust

  inline_policy {
    name   = "one"
    policy = local.pass_one
  }
  inline_policy {
    name   = "any" # PASSROLE_001, and so are all that use local.pass_any
    policy = local.pass_any
  }
}

resource "aws_iam_role_policy" "any" {
  role   = aws_iam_role.deployer.name
  policy = local.pass_any
}

resource "aws_iam_role_policy" "one" {
  role   = aws_iam_role.deployer.id
  policy = local.pass_one
}

resource "aws_iam_user" "operator" {
  name = "operator"
}

resource "aws_iam_user_policy" "any" {
  user   = aws_iam_user.operator.name
  policy = local.pass_any
}

resource "aws_iam_user_policy" "one" {
  user   = aws_iam_user.operator.name
  policy = local.pass_one
}

resource "aws_iam_group" "operators" {
  name = "operators"
}

resource "aws_iam_group_membership" "operators" {
  name  = "operators"
  group = aws_iam_group.operators.name
  users = [aws_iam_user.operator.name]
}

resource "aws_iam_group_policy" "any" {
  group  = aws_iam_group.operators.name
  policy = local.pass_any
}

resource "aws_iam_group_policy" "one" {
  group  = aws_iam_group.operators.name
  policy = local.pass_one
}

# Names the inline policies that a role may have, and holds none.
resource "aws_iam_role_policies_exclusive" "deployer" {
  role_name    = aws_iam_role.deployer.name
  policy_names = [aws_iam_role_policy.any.name, aws_iam_role_policy.one.name]
}

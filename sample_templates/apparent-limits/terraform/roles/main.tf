# Patterns that restrict less than they seem to.

variable "env" {
  type = string
}

locals {
  roles  = "arn:aws:iam::111122223333:role"
  lambda = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
}

data "aws_iam_roles" "all" {}

data "aws_iam_roles" "app" {
  name_regex = "^app-"
}

resource "aws_iam_role" "deployer" {
  name = "${var.env}-deployer"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "codebuild.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "pass" {
  role = aws_iam_role.deployer.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # A pattern, whatever the variable is: PASSROLE_002 is medium, and the role may pass itself (PASSROLE_016).
      { Effect = "Allow", Action = "iam:PassRole", Resource = "${local.roles}/${var.env}*" },
    ]
  })
}

resource "aws_iam_user_policy" "pass" {
  user = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      # Whoever sets the tag chooses the role: a pattern (PASSROLE_002, medium).
      { Effect = "Allow", Action = "iam:PassRole", Resource = "${local.roles}/$${aws:PrincipalTag/role}" },
      # The names of all roles are any role: PASSROLE_001.
      {
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [for name in data.aws_iam_roles.all.names : "${local.roles}/${name}"]
        Condition = local.lambda
      },
      # Those that begin with app- are a pattern, to one service: nothing is found.
      {
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [for name in data.aws_iam_roles.app.names : "${local.roles}/${name}"]
        Condition = local.lambda
      },
      # Nearly every name: PASSROLE_001 at low confidence, twice.
      { Effect = "Allow", Action = "iam:PassRole", Resource = "${local.roles}/*-*", Condition = local.lambda },
      {
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = [for letter in split("", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") : "${local.roles}/${letter}*"]
        Condition = local.lambda
      },
      # Nearly every service: PASSROLE_003.
      {
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "${local.roles}/app"
        Condition = { StringLike = { "iam:PassedToService" = "???*.amazonaws.com" } }
      },
    ]
  })
}

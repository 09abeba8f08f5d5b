# What depends on a value that is not known is read in every way that it can be; a finding names the one that it is about.

variable "environment" {
  type        = string
  description = "dev, test or prod"
}

variable "restricted" {
  type = bool
}

variable "operators" {
  type = bool
}

variable "role_pattern" {
  type    = string
  default = "*"
}

locals {
  role_of_environment = {
    dev  = "arn:aws:iam::111122223333:role/sandbox/worker"
    test = "arn:aws:iam::111122223333:role/sandbox/worker"
    prod = "arn:aws:iam::111122223333:role/*"
  }

  to_lambda = {
    StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" }
  }
}

# one or the other: flagged where restricted is false
resource "aws_iam_policy" "conditional" {
  name = "conditional"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.restricted ? "arn:aws:iam::111122223333:role/app/worker" : "arn:aws:iam::*:role/*"
      Condition = local.to_lambda
    }]
  })
}

# a map under a key that is not known: flagged where the environment is prod
resource "aws_iam_policy" "by_environment" {
  name = "by-environment"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = local.role_of_environment[var.environment]
      Condition = local.to_lambda
    }]
  })
}

# a statement that may be missing: flagged where it is there
data "aws_iam_policy_document" "operators" {
  statement {
    sid       = "Logs"
    actions   = ["logs:GetLogEvents"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.operators ? ["any"] : []

    content {
      sid       = "Operators"
      actions   = ["iam:*"]
      resources = ["*"]
    }
  }
}

resource "aws_iam_policy" "optional_statement" {
  name   = "optional-statement"
  policy = data.aws_iam_policy_document.operators.json
}

# a variable that nobody sets: flagged by its default
resource "aws_iam_policy" "by_default" {
  name = "by-default"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.role_pattern
      Condition = local.to_lambda
    }]
  })
}

# a Deny under the same condition takes away what the Allow gives under it: clean
resource "aws_iam_policy" "denied" {
  name = "denied"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      var.operators ? [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] : [],
      var.operators ? [{ Effect = "Deny", Action = "iam:PassRole", Resource = "*" }] : [],
    )
  })
}

# Modules that are not in this folder. What they do with a document is not known, but what the document says is.

data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "PassAnyRole" # flagged: 001
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole", "iam:PassRole"] # a trust policy grants no PassRole
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

module "deploy_policy" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-policy"
  version = "~> 6.0"

  name   = "deploy"
  policy = data.aws_iam_policy_document.deploy.json
}

module "function" {
  source  = "terraform-aws-modules/lambda/aws"
  version = "~> 8.0"

  function_name      = "report"
  assume_role_policy = data.aws_iam_policy_document.trust.json

  policy_jsons = [
    jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid       = "PassTheReportRole" # clean
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = aws_iam_role.report.arn
        Condition = { StringEquals = { "iam:PassedToService" = "states.amazonaws.com" } }
      }]
    }),
    jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Sid      = "PassReportRoles" # flagged: 002
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::111122223333:role/report-*"
      }]
    }),
  ]
}

resource "aws_iam_role" "report" {
  name = "report"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "states.amazonaws.com" }
    }]
  })
}

# Statements as objects, in the words of a statement block: the module makes a policy document of them.
module "worker" {
  source  = "terraform-aws-modules/lambda/aws"
  version = "~> 8.0"

  function_name            = "worker"
  attach_policy_statements = true

  policy_statements = {
    any = {
      actions   = ["iam:PassRole"] # flagged: 001
      resources = ["*"]
    }
    start = {
      effect    = "Allow"
      actions   = ["iam:PassRole"] # clean
      resources = [aws_iam_role.report.arn]
      condition = {
        service = {
          test     = "StringEquals"
          variable = "iam:PassedToService"
          values   = ["states.amazonaws.com"]
        }
      }
    }
    read = {
      actions   = ["s3:GetObject"] # passes no role
      resources = ["arn:aws:s3:::reports/*"]
    }
  }
}

# Roles and policies that are looked up, and ARNs that are put together.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

data "aws_iam_role" "reports" {
  name = "reports"
}

data "aws_iam_roles" "team" {
  path_prefix = "/"
}

data "aws_iam_policy" "lambda" {
  arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AWSLambda_FullAccess"
}

data "aws_iam_policy" "shared" {
  name = "shared-by-another-team"
}

data "aws_iam_session_context" "current" {
  arn = data.aws_caller_identity.current.arn
}

resource "aws_iam_role" "worker" {
  name = "worker"
  path = "/jobs/"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "glue.amazonaws.${data.aws_partition.current.dns_suffix}" }
    }]
  })
}

resource "aws_iam_service_linked_role" "ecs" {
  aws_service_name = "ecs.amazonaws.com"
}

data "aws_iam_policy_document" "pass" {
  statement {
    sid       = "PassOne" # clean: one role, wherever its path leads
    actions   = ["iam:PassRole"]
    resources = [data.aws_iam_role.reports.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["glue.amazonaws.com"]
    }
  }

  statement {
    sid     = "PassWorker" # PASSROLE_002, low: the role of this configuration, without a condition
    actions = ["iam:PassRole", "iam:GetRole"]
    resources = [join("", [
      "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role",
      "${aws_iam_role.worker.path}${aws_iam_role.worker.name}",
    ])]
  }

  statement {
    sid       = "PassServiceLinked" # clean: one service-linked role, named exactly
    actions   = ["iam:PassRole"]
    resources = [aws_iam_service_linked_role.ecs.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs.amazonaws.com"]
    }
  }

  statement {
    sid       = "PassWhatIsThere" # PASSROLE_001: all roles that the account has
    actions   = ["iam:PassRole"]
    resources = data.aws_iam_roles.team.arns

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["glue.amazonaws.com"]
    }
  }

  statement {
    sid       = "PassItself" # PASSROLE_014: it depends on who deploys
    actions   = ["iam:PassRole"]
    resources = [data.aws_iam_session_context.current.issuer_arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["glue.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "pass" {
  name   = "pass"
  policy = data.aws_iam_policy_document.pass.json
}

resource "aws_iam_policy" "copy" { # PASSROLE_001 and 008: AWS's policies are known; with this one, any role runs functions
  name   = "copy"
  policy = data.aws_iam_policy.lambda.policy
}

resource "aws_iam_policy" "theirs" { # a note: what another team's policy says is not here
  name   = "theirs"
  policy = data.aws_iam_policy.shared.policy
}

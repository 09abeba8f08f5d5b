# Data documents made of other documents.

variable "guarded" {
  type = bool
}

data "aws_iam_policy_document" "base" {
  statement {
    sid       = "Pass"
    actions   = ["iam:PassRole"]
    resources = ["*"] # replaced in "narrowed", and PASSROLE_001 where the base is used as it is
  }
  statement {
    sid       = "Read"
    actions   = ["iam:GetRole"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "narrow" {
  statement {
    sid       = "Pass"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/app/&{aws:username}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "narrowed" {
  source_policy_documents   = [data.aws_iam_policy_document.base.json]
  override_policy_documents = [data.aws_iam_policy_document.narrow.minified_json]
}

resource "aws_iam_policy" "as_it_is" {
  name   = "as-it-is"
  policy = data.aws_iam_policy_document.base.json
}

resource "aws_iam_policy" "narrowed" { # clean: the override has the Sid of the wide statement
  name   = "narrowed"
  policy = data.aws_iam_policy_document.narrowed.json
}

data "aws_iam_policy_document" "generated" {
  dynamic "statement" {
    for_each = { web = "ecs-tasks.amazonaws.com", jobs = "" }

    content {
      sid       = "Pass${statement.key}" # PASSROLE_002 for jobs, which name no service
      actions   = ["iam:PassRole"]
      resources = ["arn:aws:iam::111122223333:role/${statement.key}-*"]

      dynamic "condition" {
        for_each = compact([statement.value])

        content {
          test     = "StringEquals"
          variable = "iam:PassedToService"
          values   = [condition.value]
        }
      }
    }
  }

  statement {
    sid       = "PassReports" # PASSROLE_002 when var.guarded is false
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/reports-*"]

    dynamic "condition" {
      for_each = var.guarded ? ["glue.amazonaws.com"] : []

      content {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = [condition.value]
      }
    }
  }
}

resource "aws_iam_policy" "generated" {
  name   = "generated"
  policy = data.aws_iam_policy_document.generated.json
}

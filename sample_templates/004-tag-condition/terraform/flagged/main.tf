# PASSROLE_004 tag-condition: the statements rely on the tags of the role that is passed. AWS says that this is not
# reliable for PassRole, and whoever may tag a role could let itself pass it.

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "release" {
  statement {
    sid       = "PassRolesOfTheTeam"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "iam:ResourceTag/team"
      values   = ["payments"]
    }
  }

  statement {
    sid       = "PassRolesOfTheStage"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/batch-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }

    condition {
      test     = "StringLike"
      variable = "aws:ResourceTag/stage"
      values   = ["dev", "test*"]
    }
  }

  statement {
    sid     = "ReadRoles"
    actions = ["iam:GetRole"]
    resources = [
      "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/app-*",
      "arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/batch-*",
    ]
  }
}

resource "aws_iam_policy" "release" {
  name   = "release"
  policy = data.aws_iam_policy_document.release.json
}

# Clean: the team's roles have a path of their own, and the Resource element names it. A condition on the tags of the
# principal (not of the role) is another matter: it is reliable.

data "aws_caller_identity" "current" {}

data "aws_iam_policy_document" "release" {
  statement {
    sid       = "PassRolesOfTheTeam"
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/payments/*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalTag/team"
      values   = ["payments"]
    }
  }

  statement {
    sid       = "ReadRolesOfTheTeam"
    actions   = ["iam:GetRole"]
    resources = ["arn:aws:iam::${data.aws_caller_identity.current.account_id}:role/payments/*"]
  }
}

resource "aws_iam_policy" "release" {
  name   = "release"
  policy = data.aws_iam_policy_document.release.json
}

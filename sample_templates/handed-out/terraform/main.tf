# Policy documents that leave the configuration. What happens with them is not known, but what a document says is.

data "aws_iam_policy_document" "deploy" {
  statement {
    sid       = "PassAnyRole" # flagged: 001, handed to the secrets engine
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}

data "aws_iam_policy_document" "published" {
  statement {
    sid       = "PassAppRoles" # flagged: 002, handed to an output
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/app-*"]
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

data "aws_iam_policy_document" "attached" {
  statement {
    sid       = "PassBuildRoles" # flagged: 002, where it is attached, and not a second time
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/build-*"]
  }
}

data "aws_iam_policy_document" "forgotten" { # a note: nothing uses it
  statement {
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}

resource "vault_aws_secret_backend_role" "deploy" {
  backend         = "aws"
  name            = "deploy"
  credential_type = "iam_user"
  policy_document = data.aws_iam_policy_document.deploy.json
  policy_arns     = ["arn:aws:iam::aws:policy/AdministratorAccess"] # flagged: 013
}

resource "aws_ssm_parameter" "policy" {
  name = "/deploy/policy"
  type = "String"
  value = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "PassReportRoles" # flagged: 002
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = "arn:aws:iam::111122223333:role/report-*"
    }]
  })
}

resource "aws_s3_object" "policy" {
  bucket  = "policies"
  key     = "team.json"
  content = templatefile("${path.module}/team.json.tftpl", {}) # flagged: 001, in that file
}

resource "aws_iam_policy" "build" {
  name   = "build"
  policy = data.aws_iam_policy_document.attached.json
}

resource "null_resource" "change" {
  triggers = { policy = data.aws_iam_policy_document.attached.json } # decides only when the resource is replaced
}

output "published" {
  value = data.aws_iam_policy_document.published.json
}

output "trust" {
  value = data.aws_iam_policy_document.trust.json
}

output "attached" {
  value = data.aws_iam_policy_document.attached.json
}

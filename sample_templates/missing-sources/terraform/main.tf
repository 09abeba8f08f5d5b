# Policies whose content is not part of this configuration: nothing says that they are about PassRole. They are no
# findings: one note for each module, state or parameter counts the policies that depend on it.

module "policies" {
  source  = "acme/policies/aws" # `terraform init` was not run
  version = "2.1.0"
}

module "documents" {
  source = "git::https://git.example.com/documents.git"
}

data "terraform_remote_state" "platform" {
  backend = "s3"
  config = {
    bucket = "acme-state"
    key    = "platform.tfstate"
    region = "eu-central-1"
  }
}

data "aws_ssm_parameter" "policy" {
  name = "/platform/policy"
}

resource "aws_iam_policy" "reader" {
  name   = "reader"
  policy = module.policies.reader_json
}

resource "aws_iam_policy" "writer" {
  name   = "writer"
  policy = module.policies.writer_json
}

resource "aws_iam_policy" "platform" {
  name   = "platform"
  policy = data.terraform_remote_state.platform.outputs.policy
}

resource "aws_iam_policy" "stored" {
  name   = "stored"
  policy = data.aws_ssm_parameter.policy.value
}

data "aws_iam_policy_document" "with_others" {
  source_policy_documents = [module.documents.json]

  statement {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "with_others" {
  name   = "with-others"
  policy = data.aws_iam_policy_document.with_others.json
}

# Here something about PassRole is visible: findings.

data "aws_iam_policy_document" "with_pass_role" {
  source_policy_documents = [module.documents.json] # PASSROLE_014: beside a known statement about PassRole

  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/app"]
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "with_pass_role" {
  name   = "with-pass-role"
  policy = data.aws_iam_policy_document.with_pass_role.json
}

resource "aws_iam_policy" "roles_elsewhere" {
  name = "roles-elsewhere"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{ # PASSROLE_014: the roles are unknown, the action is not
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = module.documents.role_arn
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }]
  })
}

resource "aws_iam_policy" "by_name" { # PASSROLE_014: its name says what it is about
  name   = "by-name"
  policy = module.policies.pass_role_json
}

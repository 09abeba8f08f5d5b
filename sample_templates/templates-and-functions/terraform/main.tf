# Policies that are written by functions and templates rather than in place.

variable "deploy_accounts" {
  description = "Accounts that the release pipeline deploys to."
  type        = list(string)
}

locals {
  account = "111122223333"
  roles   = ["web", "worker"]

  common = { Version = "2012-10-17" }
  reads = [
    { Effect = "Allow", Action = "s3:GetObject", Resource = "*" },
  ]
  passes = [
    {
      Sid      = "PassAnything"
      Effect   = "Allow"
      Action   = join(":", ["iam", title("pass${lower("ROLE")}")])
      Resource = replace("arn:aws:iam::ACCOUNT:role/*", "ACCOUNT", local.account)
    },
  ]
}

# A template file: a loop that is known, one that is not, and a directive.
resource "aws_iam_policy" "release" {
  name = "release"
  policy = templatefile("${path.module}/policies/release.json.tftpl", {
    account  = local.account
    accounts = var.deploy_accounts
    roles    = local.roles
    strict   = true
  })
}

# jsonencode over merged and concatenated values.
resource "aws_iam_policy" "operator" {
  name   = "operator"
  policy = jsonencode(merge(local.common, { Statement = concat(local.reads, local.passes) }))
}

# A policy kept as YAML.
resource "aws_iam_policy" "batch" {
  name   = "batch"
  policy = jsonencode(yamldecode(file("${path.module}/policies/batch.yml")))
}

# A heredoc with interpolation: exact roles, one service.
resource "aws_iam_policy" "narrow" {
  name   = "narrow"
  policy = <<-JSON
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Effect": "Allow",
          "Action": "iam:PassRole",
          "Resource": ${jsonencode(formatlist("arn:aws:iam::%s:role/%s", local.account, local.roles))},
          "Condition": {"StringEquals": {"iam:PassedToService": "${join(".", ["lambda", "amazonaws", "com"])}"}}
        }
      ]
    }
  JSON
}

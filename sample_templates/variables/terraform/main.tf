# Where a variable's value comes from, the strongest last: its default, terraform.tfvars, *.auto.tfvars, --var-file. This
# folder is scanned with --var-file production.tfvars, and without it findings are others.

variable "service" {
  description = "The service that roles are passed to. Set in terraform.tfvars, and differently in production.tfvars."
  type        = string
}

variable "release_roles" {
  description = "The roles of the release. Nobody sets it, so that its default counts, and findings say so."
  type        = list(string)
  default     = ["arn:aws:iam::111122223333:role/*"]
}

variable "account_id" {
  description = "Set in account.auto.tfvars."
  type        = string
}

variable "external_role_arn" {
  description = "Set nowhere: a hole, which the finding names."
  type        = string
}

variable "teams" {
  description = "Set in production.tfvars. What an entry leaves out is filled in by optional()."
  type = map(object({
    roles    = optional(string, "none")
    services = optional(list(string), [])
    passes   = optional(bool, true)
  }))
  default = {}
}

# By terraform.tfvars "*" (003), by production.tfvars one service: clean.
resource "aws_iam_policy" "service" {
  name = "service"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "arn:aws:iam::${var.account_id}:role/app/*"
      Condition = { StringLike = { "iam:PassedToService" = var.service } }
    }]
  })
}

# Flagged (001), by default.
resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.release_roles
      Condition = { StringEquals = { "iam:PassedToService" = "codebuild.amazonaws.com" } }
    }]
  })
}

# Cannot be told (014).
resource "aws_iam_policy" "external" {
  name = "external"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.external_role_arn
      Condition = { StringEquals = { "iam:PassedToService" = "codebuild.amazonaws.com" } }
    }]
  })
}

# Of the teams, "data" names roles and a service (clean), "web" names roles and no service (002), "audit" passes none.
resource "aws_iam_group_policy" "team" {
  for_each = { for name, team in var.teams : name => team if team.passes }

  name  = "pass"
  group = each.key
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      {
        Sid      = "PassTeamRoles"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::${var.account_id}:role/${each.value.roles}"
      },
      length(each.value.services) == 0 ? {} : {
        Condition = { StringEquals = { "iam:PassedToService" = each.value.services } }
      },
    )]
  })
}

# Collection functions.

locals {
  defaults = { roles = ["arn:aws:iam::111122223333:role/app"], service = null }
  settings = merge(local.defaults, { service = "glue.amazonaws.com" })
}

# Flagged (001): one element is every role, and the elements that are not known change nothing about it.
resource "aws_iam_policy" "concatenated" {
  name = "concatenated"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = distinct(flatten([["iam:GetRole"], "iam:PassRole"]))
      Resource = concat(["*"], var.extra_roles)
    }]
  })
}

# Clean: looked up, merged, and nulls and empty strings left out.
resource "aws_iam_policy" "merged" {
  name = "merged"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = compact(concat(lookup(local.settings, "roles", ["*"]), [""]))
        Condition = {
          StringEquals = { "iam:PassedToService" = coalesce(local.settings.service, "*") }
        }
      },
      {
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = one(local.settings.roles)
      },
    ]
  })
}

# Cannot be told (014): which roles these are, nobody knows before the variable is set.
resource "aws_iam_policy" "extra" {
  name = "extra"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = sort(var.extra_roles)
      Condition = local.to_lambda
    }]
  })
}

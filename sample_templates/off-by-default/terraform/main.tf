# Policies that exist with other values than the defaults only: their findings are low.

variable "enabled" {
  type    = bool
  default = false
}

variable "admins" {
  type    = list(string)
  default = []
}

resource "aws_iam_policy" "deploy" {
  count = var.enabled ? 1 : 0
  name  = "deploy"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}

resource "aws_iam_policy" "read" { # no finding: it does not allow PassRole
  count = var.enabled ? 1 : 0
  name  = "read"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:GetObject", Resource = "*" }]
  })
}

resource "aws_iam_user_policy_attachment" "admins" {
  for_each   = toset(var.admins)
  user       = each.value
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

data "aws_iam_policy_document" "team" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = var.enabled ? ["*"] : []
    content {
      actions   = ["iam:PassRole"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_policy" "team" {
  name   = "team"
  policy = data.aws_iam_policy_document.team.json
}

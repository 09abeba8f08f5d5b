data "terraform_remote_state" "roles" {
  backend = "remote"
  config = {
    organization = "example"
    workspaces   = { name = "roles" }
  }
}

data "tfe_outputs" "roles" {
  organization = "example"
  workspace    = "roles"
}

resource "aws_iam_user_policy" "workspaces" {
  name = "workspaces"
  user = "workspaces"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "State", Effect = "Allow", Action = "iam:PassRole", Resource = data.terraform_remote_state.roles.outputs.role },
      { Sid = "Values", Effect = "Allow", Action = "iam:PassRole", Resource = data.tfe_outputs.roles.values.role },
    ]
  })
}

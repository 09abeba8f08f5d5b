data "terraform_remote_state" "roles" {
  backend = "local"
  config = {
    path = "../roles/terraform.tfstate"
  }
}

resource "aws_iam_user_policy" "local" {
  name = "local"
  user = "local"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = data.terraform_remote_state.roles.outputs.role }]
  })
}

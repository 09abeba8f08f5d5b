# The location of its state is given to terraform init, and the state that it reads belongs to no scanned root.

terraform {
  backend "s3" {}
}

data "terraform_remote_state" "elsewhere" {
  backend = "s3"
  config = {
    bucket = "example-states"
    key    = "elsewhere/terraform.tfstate"
  }
}

resource "aws_iam_user_policy" "unknown" {
  name = "unknown"
  user = "unknown"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = data.terraform_remote_state.elsewhere.outputs.role }]
  })
}

output "role" {
  value = "arn:aws:iam::*:role/*"
}

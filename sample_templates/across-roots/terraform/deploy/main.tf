terraform {
  backend "s3" {
    bucket = "example-states"
    key    = "deploy/terraform.tfstate"
    region = "eu-west-1"
  }
}

data "terraform_remote_state" "iam" {
  backend = "s3"
  config = {
    bucket = "example-states"
    key    = "iam/terraform.tfstate"
    region = "eu-west-1"
  }
}

variable "stage" {}

data "terraform_remote_state" "network" {
  backend = "s3"
  config = {
    bucket = "example-${var.stage}-states"
    key    = "network/terraform.tfstate"
    region = "eu-west-1"
  }
}

data "aws_ssm_parameter" "roles" {
  name = "/deploy/roles"
}

locals {
  iam = data.terraform_remote_state.iam.outputs
}

resource "aws_iam_user_policy" "deploy" {
  name = "deploy"
  user = "deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Task", Effect = "Allow", Action = "iam:PassRole", Resource = local.iam.task_role_arn },
      { Sid = "Any", Effect = "Allow", Action = "iam:PassRole", Resource = data.terraform_remote_state.iam.outputs["role_pattern"] },
      { Sid = "Team", Effect = "Allow", Action = "iam:PassRole", Resource = data.aws_ssm_parameter.roles.value },
      { Sid = "Network", Effect = "Allow", Action = "iam:PassRole", Resource = data.terraform_remote_state.network.outputs.flow_log_role },
      { Sid = "NoSuchOutput", Effect = "Allow", Action = "iam:PassRole", Resource = local.iam.other_role_arn },
    ]
  })
}

# Reads what the repository org/platform passes: an output, an SSM parameter, and roles and a policy by their names.

data "terraform_remote_state" "iam" {
  backend = "s3"
  config = {
    bucket = "example-states"
    key    = "iam/terraform.tfstate"
  }
}

data "aws_ssm_parameter" "roles" {
  name = "/deploy/roles"
}

data "aws_iam_role" "maintenance" {
  name = "maintenance"
}

data "aws_iam_policy" "functions" {
  name = "start-functions"
}

resource "aws_iam_role_policy_attachment" "functions" {
  role       = "release-manager"
  policy_arn = data.aws_iam_policy.functions.arn
}

resource "aws_iam_role_policy" "pass" {
  name = "pass"
  role = "release-manager"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = data.aws_iam_role.maintenance.arn
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }]
  })
}

resource "aws_iam_user_policy" "deploy" {
  name = "deploy"
  user = "deployer"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Task", Effect = "Allow", Action = "iam:PassRole", Resource = data.terraform_remote_state.iam.outputs.task_role_arn },
      { Sid = "Any", Effect = "Allow", Action = "iam:PassRole", Resource = data.terraform_remote_state.iam.outputs.role_pattern },
      { Sid = "Team", Effect = "Allow", Action = "iam:PassRole", Resource = data.aws_ssm_parameter.roles.value },
    ]
  })
}

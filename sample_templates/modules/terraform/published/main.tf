# Published with wide defaults: judged as a root module too, although only its example calls it.

variable "roles" {
  type    = list(string)
  default = ["*"]
}

resource "aws_iam_policy" "runner" {
  name = "runner"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "PassRoles" # flagged: 001, with the default
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = var.roles
      Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
    }]
  })
}

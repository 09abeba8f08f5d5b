# A module as terraform init installs it. It is part of the sample, and not to be found in any registry.

variable "role_prefix" {
  type = string
}

resource "aws_iam_policy" "run" {
  name = "run-pipelines"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PassPipelineRoles"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:PassRole"]
        Resource = "arn:aws:iam::*:role/${var.role_prefix}*"
      },
    ]
  })
}

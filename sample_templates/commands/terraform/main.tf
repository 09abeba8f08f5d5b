# Commands of the AWS CLI that Terraform runs. They are not evaluated: the file has a note at the first of them.

variable "policy_arn" {
  type    = string
  default = null
}

resource "aws_iam_role" "deployer" {
  name = "deployer"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "codebuild.amazonaws.com" } }]
  })

  provisioner "local-exec" {
    command = "aws iam attach-role-policy --role-name ${self.name} --policy-arn arn:aws:iam::aws:policy/IAMFullAccess"
  }
}

resource "null_resource" "attach" {
  for_each = toset(["ana", "ben"])

  provisioner "local-exec" {
    command = "aws iam attach-user-policy --user-name ${each.key} --policy-arn arn:aws:iam::aws:policy/AdministratorAccess"
  }
}

resource "terraform_data" "put" {
  provisioner "local-exec" {
    interpreter = ["bash", "-c"]
    command     = <<-EOT
      set -euo pipefail
      # aws iam put-user-policy was here
      aws --profile admin iam put-role-policy \
        --role-name ${aws_iam_role.deployer.name} \
        --policy-name pass \
        --policy-document '{
          "Version": "2012-10-17",
          "Statement": [
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::*:role/app-*"},
            {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}
          ]
        }'
      aws iam create-policy --policy-name from-file --policy-document file://policy.json
    EOT
  }
}

resource "shell_script" "policy" {
  lifecycle_commands {
    create = "aws iam create-policy --policy-name all --policy-document '${jsonencode({
      Version   = "2012-10-17"
      Statement = [{ Effect = "Allow", Action = ["iam:PassRole"], Resource = "*" }]
    })}'"
    delete = "aws iam delete-policy --policy-arn x"
  }
}

data "external" "attach" {
  program = [
    "bash", "-c",
    "aws iam attach-group-policy --group-name ops --policy-arn arn:aws:iam::aws:policy/AdministratorAccess",
  ]
}

data "local_command" "attach" {
  command   = "aws"
  arguments = ["iam", "attach-user-policy", "--user-name", "eve", "--policy-arn", "arn:aws:iam::aws:policy/IAMFullAccess"]
}

action "local_command" "attach" {
  config {
    command   = "aws"
    arguments = ["iam", "attach-role-policy", "--role-name=deployer", "--policy-arn=arn:aws:iam::aws:policy/IAMFullAccess"]
  }
}

resource "null_resource" "unknown" {
  provisioner "local-exec" {
    command = "aws iam attach-role-policy --role-name deployer --policy-arn ${var.policy_arn}"
  }
}

resource "aws_instance" "bootstrap" {
  user_data = <<-EOT
    #!/bin/sh
    aws iam attach-role-policy --role-name deployer --policy-arn arn:aws:iam::aws:policy/AdministratorAccess
  EOT
}

# A shell script has a note of its own.
resource "null_resource" "script" {
  provisioner "local-exec" {
    command = "${path.module}/grant.sh deployer"
  }
}

# Commands that attach nothing that can pass a role, or nothing at all.
resource "null_resource" "clean" {
  provisioner "local-exec" {
    command = "aws iam attach-role-policy --role-name deployer --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess"
  }
  provisioner "local-exec" {
    command = "aws iam detach-role-policy --role-name deployer --policy-arn arn:aws:iam::aws:policy/AdministratorAccess"
  }
  provisioner "local-exec" {
    command = "aws s3api put-bucket-policy --bucket b --policy file://policy.json"
  }
}

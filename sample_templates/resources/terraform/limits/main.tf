# What names iam:PassRole and grants none of it: nothing here is flagged.

locals {
  pass_any = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}

resource "aws_organizations_policy" "scp" {
  name    = "allow-passing"
  content = local.pass_any
}

resource "aws_organizations_policy_attachment" "scp" {
  policy_id = aws_organizations_policy.scp.id
  target_id = "ou-1111-22223333"
}

resource "aws_organizations_policy" "rcp" {
  name = "resources"
  type = "RESOURCE_CONTROL_POLICY"
  content = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Deny", Principal = "*", Action = "s3:*", Resource = "*" }]
  })
}

resource "aws_organizations_policy" "tags" {
  name    = "tags"
  type    = "TAG_POLICY"
  content = jsonencode({ tags = { owner = { tag_key = { "@@assign" = "owner" } } } })
}

resource "awscc_organizations_policy" "scp" {
  name    = "allow-passing-too"
  type    = "SERVICE_CONTROL_POLICY"
  content = local.pass_any
}

resource "aws_vpc_endpoint" "iam" {
  vpc_id       = "vpc-11112222"
  service_name = "com.amazonaws.iam"
  policy       = local.pass_any
}

resource "aws_transfer_user" "partner" {
  server_id = "s-11112222333344445"
  user_name = "partner"
  role      = "arn:aws:iam::111122223333:role/transfer"
  policy    = local.pass_any # a session policy: what the role grants, and no more than this of it
}

resource "aws_iam_role" "task" {
  name = "task"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "iam:PassRole"]
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

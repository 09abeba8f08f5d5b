# Example 1 of AWS's page "Grant a user permissions to pass a role to an AWS service", with iam:PassedToService:
# clean. iam:GetRole has a statement of its own, because its requests never carry that key.

# What the role can do.
resource "aws_iam_role_policy" "web" {
  name = "web"
  role = aws_iam_role.web.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = {
      Sid      = "ReadAssets"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["arn:aws:s3:::xyz-assets/*"]
    }
  })
}

# Who can use it: its trust policy lets EC2 assume it.
resource "aws_iam_role" "web" {
  name = "EC2-roles-for-XYZ-web"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = {
      Sid       = "TrustPolicyStatementThatAllowsEC2ServiceToAssumeTheAttachedRole"
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }
  })
}

resource "aws_iam_instance_profile" "web" {
  name = "EC2-roles-for-XYZ-web"
  role = aws_iam_role.web.name
}

resource "aws_iam_user" "operator" {
  name = "operator"
}

# Who can pass it, and to which service.
resource "aws_iam_user_policy" "pass_role" {
  name = "pass-role"
  user = aws_iam_user.operator.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadApprovedRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::111122223333:role/EC2-roles-for-XYZ-*"
      },
      {
        Sid       = "PassApprovedRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::111122223333:role/EC2-roles-for-XYZ-*"
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
    ]
  })
}

# PASSROLE_010 not-a-role: PassRole is about roles. An instance profile, a user, or the session of an assumed role is
# none, so these statements grant nothing: the launch fails, and the next step is often a "*".

data "aws_caller_identity" "current" {}

resource "aws_iam_policy" "launch" {
  name = "launch-instances"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassInstanceProfile"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::${data.aws_caller_identity.current.account_id}:instance-profile/web-*"
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid       = "PassSession"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:sts::${data.aws_caller_identity.current.account_id}:assumed-role/web/*"
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
    ]
  })
}

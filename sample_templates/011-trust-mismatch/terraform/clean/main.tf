# Clean: the condition names the service that the role trusts.

resource "aws_iam_role" "report" {
  name = "nightly-report"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassReportRole"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::111122223333:role/nightly-report"
        Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::111122223333:role/nightly-report"
      },
    ]
  })
}

# Info, and not shown unless asked for: the one role in scope stands here and trusts a single service, so its trust
# policy already decides where it can be used.

resource "aws_iam_role" "nightly_report" {
  name = "nightly-report"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_policy" "release" {
  name = "release"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "PassReportRole"
        Effect   = "Allow"
        Action   = ["iam:GetRole", "iam:PassRole"]
        Resource = aws_iam_role.nightly_report.arn
      },
    ]
  })
}

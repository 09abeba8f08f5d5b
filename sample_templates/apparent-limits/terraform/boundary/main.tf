# A permissions boundary that deployments leave as it is in the account. A note names it.

resource "aws_iam_policy" "boundary" {
  name = "boundary"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "s3:*", Resource = "*" }]
  })
}

# The account may have another boundary, or none: PASSROLE_001.
resource "aws_iam_role" "bounded" {
  name = "bounded"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "codebuild.amazonaws.com" }
    }]
  })
  permissions_boundary = aws_iam_policy.boundary.arn

  lifecycle {
    ignore_changes = [permissions_boundary]
  }
}

resource "aws_iam_role_policy" "bounded" {
  role = aws_iam_role.bounded.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
  })
}

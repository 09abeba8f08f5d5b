# Clean: one AWS managed policy does not speak of PassRole, the other one limits it to roles of one name, and the policy
# of one's own names the path and the service.

resource "aws_iam_role" "developer" {
  name = "developer"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "codebuild.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "glue" {
  role       = aws_iam_role.developer.name
  policy_arn = "arn:aws:iam::aws:policy/AWSGlueConsoleFullAccess"
}

resource "aws_iam_role_policy_attachment" "read" {
  role       = aws_iam_role.developer.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}

resource "aws_iam_role_policy" "pass" {
  name = "pass-function-roles"
  role = aws_iam_role.developer.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "PassFunctionRoles"
        Effect    = "Allow"
        Action    = "iam:PassRole"
        Resource  = "arn:aws:iam::111122223333:role/functions/*"
        Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
      },
      {
        Sid      = "ReadRoles"
        Effect   = "Allow"
        Action   = "iam:GetRole"
        Resource = "arn:aws:iam::111122223333:role/functions/*"
      },
    ]
  })
}

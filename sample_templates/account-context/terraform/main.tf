# The account file has the user alice, in the group developers, whose policy "lambda" lets her create functions.

resource "aws_iam_user_policy" "pass" {
  name = "pass-app"
  user = "alice"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Apps"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "arn:aws:iam::111122223333:role/app-*" # of the roles that match, app-admin is an administrator
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }]
  })
}

# The role of the account that this looks up can be assumed by EC2 only.
data "aws_iam_role" "deploy" {
  name = "deploy"
}

resource "aws_iam_user_policy" "deploy" {
  name = "pass-deploy"
  user = "bob"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = data.aws_iam_role.deploy.arn
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }]
  })
}

# The group that the account attaches this policy to, and its members, are its principals.
resource "aws_iam_policy" "lambda" {
  name = "lambda"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["lambda:CreateFunction", "lambda:InvokeFunction"]
        Resource = "*"
      },
      {
        Sid      = "Workers"
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::111122223333:role/app-*"
      },
    ]
  })
}

# The policy that this attaches is in the account file.
resource "aws_iam_role_policy_attachment" "boundary" {
  role       = "worker"
  policy_arn = "arn:aws:iam::111122223333:policy/boundary"
}

# The role "release-manager" holds policies of both roots: it can pass "maintenance" to a function, and start it.

data "aws_iam_role" "maintenance" {
  name = "maintenance"
}

data "aws_iam_policy" "functions" {
  name = "start-functions"
}

resource "aws_iam_role_policy_attachment" "functions" {
  role       = "release-manager"
  policy_arn = data.aws_iam_policy.functions.arn
}

resource "aws_iam_role_policy" "pass" {
  role = "release-manager"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = data.aws_iam_role.maintenance.arn
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }]
  })
}

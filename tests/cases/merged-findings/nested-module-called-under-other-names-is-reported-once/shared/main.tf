module "roles" {
  source = "example.com/roles/aws"
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({
    Statement = {
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = module.roles.arn
      Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
    }
  })
}

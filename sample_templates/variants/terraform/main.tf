# A conditional has two variants: the inventory has an entry for each that differs, with its condition.

variable "production" {
  type = bool
}

variable "restricted" {
  type = bool
}

resource "aws_iam_user" "deployer" {
  name = "deployer"
}

resource "aws_iam_user_policy" "release" {
  user = aws_iam_user.deployer.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = "arn:aws:iam::111122223333:role/${var.production ? "admin" : "app"}"
      Condition = {
        StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" }
      }
    }]
  })
}

# the first variant names a service, the second lets every service through
resource "aws_iam_user_policy" "batch" {
  user = aws_iam_user.deployer.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = "arn:aws:iam::111122223333:role/batch"
      Condition = {
        StringLike = { "iam:PassedToService" = var.restricted ? "batch.amazonaws.com" : "*" }
      }
    }]
  })
}

# an AWS managed policy that contains PassRole grants it like any other policy
resource "aws_iam_user_policy_attachment" "power" {
  count      = var.production ? 0 : 1
  user       = aws_iam_user.deployer.name
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
}

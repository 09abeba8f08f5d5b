# One function needs its role, passed to Lambda alone (IAM User Guide, "Grant a user permissions to pass a role").
#> required --account 111122223333
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "app" {
  role = aws_iam_role.app.arn  #> aws_iam_role.app to lambda.amazonaws.com (passed)
}
#> PassRolesToLambda: arn:aws:iam::111122223333:role/app to lambda.amazonaws.com

# It is never a wildcard.
#> required
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "app" {
  role = aws_iam_role.app.arn  #> aws_iam_role.app to lambda.amazonaws.com (passed)
}
#> PassRolesToLambda: arn:aws:iam::${AWS::AccountId}:role/app to lambda.amazonaws.com

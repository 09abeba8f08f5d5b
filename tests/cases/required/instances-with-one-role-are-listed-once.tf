# Under the address of the block.
#> required --account 111122223333 | resource, attribute
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "app" {
  count = 3
  role  = aws_iam_role.app.arn  #> aws_iam_role.app to lambda.amazonaws.com (passed) (aws_lambda_function.app, role)
}
#> PassRolesToLambda: arn:aws:iam::111122223333:role/app to lambda.amazonaws.com

#> required --account 111122223333
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "app" {
  role = aws_iam_role.app.arn  #> aws_iam_role.app to lambda.amazonaws.com (passed)
}
resource "aws_sfn_state_machine" "app" {
  role_arn = aws_iam_role.app.arn  #> aws_iam_role.app to states.amazonaws.com (passed)
}
#> PassRolesToLambdaAndStates: arn:aws:iam::111122223333:role/app to lambda.amazonaws.com & states.amazonaws.com

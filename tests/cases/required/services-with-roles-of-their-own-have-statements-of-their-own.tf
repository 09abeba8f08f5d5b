# No role may be passed to a service that none of the resources passes it to.
#> required --account 111122223333
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = "{}"
}
resource "aws_iam_role" "flow" {
  name               = "flow"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "app" {
  role = aws_iam_role.app.arn  #> aws_iam_role.app to lambda.amazonaws.com (passed)
}
resource "aws_sfn_state_machine" "app" {
  role_arn = aws_iam_role.flow.arn  #> aws_iam_role.flow to states.amazonaws.com (passed)
}
#> PassRolesToLambda: arn:aws:iam::111122223333:role/app to lambda.amazonaws.com
#> PassRolesToStates: arn:aws:iam::111122223333:role/flow to states.amazonaws.com

# The provider awscc leaves the name of a role without one to AWS: it has to be filled in.
#> required --account 111122223333
resource "awscc_iam_role" "app" {
  assume_role_policy_document = "{}"
}
resource "awscc_lambda_function" "app" {
  role = awscc_iam_role.app.arn  #> awscc_iam_role.app to lambda.amazonaws.com (passed)
}
#> PassRolesToLambda: arn:aws:iam::111122223333:role/${RoleAppRoleName} to lambda.amazonaws.com

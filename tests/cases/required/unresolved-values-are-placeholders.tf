# A variable without a value, in a name or as the whole role, has a name to fill in.
#> required --account 111122223333
variable "stage" {}
variable "role_arn" {}
resource "aws_iam_role" "app" {
  name               = "app-${var.stage}"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "app" {
  role = aws_iam_role.app.arn  #> aws_iam_role.app to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "other" {
  role = var.role_arn  #> var.role_arn to lambda.amazonaws.com (passed) (low confidence)
}
#> PassRolesToLambda: arn:aws:iam::111122223333:role/app-${Stage} & ${RoleArn} to lambda.amazonaws.com

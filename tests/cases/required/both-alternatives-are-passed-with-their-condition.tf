#> required --account 111122223333 | when
variable "own" {}
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "app" {
  role = var.own ? aws_iam_role.app.arn : "arn:aws:iam::111122223333:role/x"  #> aws_iam_role.app to lambda.amazonaws.com (passed) (when var.own is true); arn:aws:iam::111122223333:role/x to lambda.amazonaws.com (passed) (when var.own is false)
}
#> PassRolesToLambda: arn:aws:iam::111122223333:role/app & arn:aws:iam::111122223333:role/x to lambda.amazonaws.com

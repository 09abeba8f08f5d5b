# As a Resource, a wildcard or policy variable would allow other roles (IAM API Reference, CreateRole, RoleName).
#> required --account 111122223333
resource "aws_iam_role" "star" {
  name               = "*"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "any_role" {
  role = "arn:aws:iam::111122223333:role/*"  #> aws_iam_role.star to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "any_account" {
  role = "arn:aws:iam::*:role/app"  #> arn:aws:iam::*:role/app to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "anything" {
  role = "*"  #> aws_iam_role.star to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "policy_variable" {
  role = "arn:aws:iam::111122223333:role/app-$${aws:username}"  #> arn:aws:iam::111122223333:role/app-${aws:username} to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "quote" {
  role = "arn:aws:iam::111122223333:role/a\"b"  #> arn:aws:iam::111122223333:role/a"b to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "space" {
  role = "a b"  #> a b to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "star" {
  role = aws_iam_role.star.arn  #> aws_iam_role.star to lambda.amazonaws.com (passed)
}

# A role whose name Terraform generates is passed by the start of its name.
#> required --account 111122223333
resource "aws_iam_role" "prefix" {
  name_prefix        = "app-"
  assume_role_policy = "{}"
}
resource "aws_iam_role" "nameless" {
  path               = "/nameless/"
  assume_role_policy = "{}"
}
resource "aws_iam_role" "empty_prefix" {
  name_prefix        = ""
  path               = "/empty-prefix/"
  assume_role_policy = "{}"
}
resource "aws_iam_role" "empty_name" {
  name               = ""
  path               = "/empty-name/"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "a" {
  role = aws_iam_role.prefix.arn  #> aws_iam_role.prefix to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "b" {
  role = aws_iam_role.nameless.arn  #> aws_iam_role.nameless to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "c" {
  role = aws_iam_role.empty_prefix.arn  #> aws_iam_role.empty_prefix to lambda.amazonaws.com (passed)
}
resource "aws_lambda_function" "d" {
  role = aws_iam_role.empty_name.arn  #> aws_iam_role.empty_name to lambda.amazonaws.com (passed)
}
#> PassRolesToLambda: arn:aws:iam::111122223333:role/app-* & arn:aws:iam::111122223333:role/empty-name/terraform-* & arn:aws:iam::111122223333:role/empty-prefix/terraform-* & arn:aws:iam::111122223333:role/nameless/terraform-* to lambda.amazonaws.com

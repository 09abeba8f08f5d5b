resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "app" {
  role = aws_iam_role.app.arn
}

resource "aws_lambda_function" "app" {
  role = "app"
}

variable "stage" {}
resource "aws_iam_role" "app" {
  name               = "app-${var.stage}"
  assume_role_policy = "{}"
}
resource "aws_lambda_function" "app" {
  role = aws_iam_role.app.arn
}

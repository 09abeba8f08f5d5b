resource "aws_iam_role" "fn" {
  name = "app-fn"
}
resource "aws_lambda_function" "fn" {
  role = aws_iam_role.fn.arn
}

resource "aws_lambda_function" "f" {
  role = "arn:aws:iam::444455556666:role/f"
}

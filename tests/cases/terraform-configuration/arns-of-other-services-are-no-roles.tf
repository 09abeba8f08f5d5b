resource "aws_lambda_function" "x" {}
resource "aws_cloudwatch_log_group" "x" {}
resource "aws_s3_bucket" "x" {}
resource "aws_iam_user_policy" "p" {
  user = "u"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Resource = aws_lambda_function.x.arn },  #> 010 medium
    { Effect = "Allow", Action = "iam:PassRole", Resource = aws_cloudwatch_log_group.x.arn },  #> 010 medium
    { Effect = "Allow", Action = "iam:PassRole", Resource = aws_s3_bucket.x.arn },  #> 010 medium
  ] })
}

resource "aws_lambda_function" "o" { role = "arn:aws:iam::111122223333:role/o" }

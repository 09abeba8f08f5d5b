resource "aws_lambda_function" "m" { role = "arn:aws:iam::111122223333:role/m" }

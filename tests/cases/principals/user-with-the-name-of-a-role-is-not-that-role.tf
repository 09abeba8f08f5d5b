#> scan --check 016 --severity info | principals
resource "aws_iam_role" "a" {
  name               = "a"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } } })
}
resource "aws_iam_role" "b" {
  name               = "b"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } } })
}
resource "aws_iam_user_policy" "a" {
  user   = "a"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/a" } })
}
resource "aws_iam_role_policy" "b" {
  role   = "b"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/b" } })  #> 016 low (aws_iam_role.b)
}

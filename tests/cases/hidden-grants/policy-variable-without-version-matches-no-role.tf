# In a document without Version 2012-10-17 a policy variable is literal text.
#> scan | values, remedy
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/$${aws:username}" } })  #> 010 medium (medium confidence, arn:aws:iam::111122223333:role/${aws:username} "Version": "2012-10-17" ${…}, arn:aws:iam::ACCOUNT:role/PATH/NAME)
}

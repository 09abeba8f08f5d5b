# `$${aws:username}` is a policy variable of IAM, no interpolation.
#> scan | values
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Version = "2012-10-17", Statement = {  #> 002 medium (arn:aws:iam::*:role/${aws:username})
    Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/$${aws:username}" } })
}

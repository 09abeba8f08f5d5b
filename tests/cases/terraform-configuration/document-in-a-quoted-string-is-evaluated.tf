# A document in one quoted string has the line of the string.
#> grants
resource "aws_iam_policy" "p" { policy = "{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"iam:PassRole\",\"Resource\":\"*\"}}" }  #> allow ? -> * to any service

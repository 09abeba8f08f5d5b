resource "aws_iam_policy" "p" { policy = file("p.json") }

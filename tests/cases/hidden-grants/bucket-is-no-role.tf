resource "aws_s3_bucket" "b" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "*", Resource = "${aws_s3_bucket.b.arn}/*" } })
}
#> statements without finding: 0

#> scan
resource "aws_iam_policy" "p" {
  policy = try(file("nothere.json"), "{}")
}
locals {
  hash = filemd5("nothere.zip")
}
#> statements without finding: 0

#> grants --all
resource "aws_s3_bucket_policy" "b" {
  bucket = "b"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> allow (none) ? -> * to any service
}
resource "aws_iam_role" "r" {
  assume_role_policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "iam:PassRole", Principal = { Service = "ec2.amazonaws.com" } }] })  #> allow (none) aws_iam_role.r -> * to any service
}

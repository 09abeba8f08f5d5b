# Resource policies and permission sets are distinguished.
#> grants | scope
resource "aws_s3_bucket_policy" "x" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_sqs_queue_policy" "x" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_vpc_endpoint" "x" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_ssoadmin_permission_set_inline_policy" "x" {
  inline_policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> allow ? -> * to any service (any_role)
}

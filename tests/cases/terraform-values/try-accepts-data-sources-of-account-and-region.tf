# `try` around account, partition or Region of a declared data source does not fall back.
#> scan | when, values
data "aws_partition" "c" { count = 1 }
data "aws_caller_identity" "c" { count = 1 }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole",  #> 002 medium (arn:${data.aws_partition.c[0].partition}:iam::${data.aws_caller_identity.c[0].id}:role/x-*)
    Resource = "arn:${try(data.aws_partition.c[0].partition, "")}:iam::${try(data.aws_caller_identity.c[0].id, "")}:role/x-*" } })
}

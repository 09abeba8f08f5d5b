# Account, partition and Region are unresolved values of their kinds.
#> grants | scope
data "aws_caller_identity" "c" {}
data "aws_partition" "p" {}
data "aws_region" "r" {}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:${data.aws_partition.p.partition}:iam::${data.aws_caller_identity.c.account_id}:role/${data.aws_region.r.name}" } })  #> allow ? -> arn:${data.aws_partition.p.partition}:iam::${data.aws_caller_identity.c.account_id}:role/${data.aws_region.r.name} to any service (exact)
}

# It consists of the service and the suffix of the partition, also within `try`.
#> grants
data "aws_service_principal" "e" {
  count        = 1
  service_name = "ec2"
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*",  #> allow ? -> * to ec2.amazonaws.com; allow ? -> * to ec2.amazonaws.com.cn
    Condition = { StringEquals = { "iam:PassedToService" = try(data.aws_service_principal.e[0].name, "") } } } })
}

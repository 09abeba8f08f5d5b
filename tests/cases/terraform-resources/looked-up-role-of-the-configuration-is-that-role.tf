# A data source with the name of a local role has the ARN of that role.
#> grants
resource "aws_iam_role" "r" {
  name = "app"
  path = "/team/"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole" } })
}
data "aws_iam_role" "d" { name = aws_iam_role.r.name }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = data.aws_iam_role.d.arn } })  #> allow ? -> ${aws_iam_role.r.arn} to any service
}

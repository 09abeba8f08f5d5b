resource "aws_iam_role" "r" { name = "r" }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "${split("/", aws_iam_role.r.arn)[0]}/*" } })  #> 001 high
}

#> grants
data "aws_iam_policy_document" "d" {
  source_policy_documents = [
    jsonencode({ Statement = { Sid = "A", Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/a" } }),  #> allow ? -> arn:aws:iam::*:role/a to any service
    jsonencode({ Statement = { Sid = "A", Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::*:role/b" } }),  #> allow ? -> arn:aws:iam::*:role/b to any service
  ]
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

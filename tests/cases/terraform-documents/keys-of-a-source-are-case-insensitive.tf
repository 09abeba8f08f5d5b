# As in Go's JSON decoder.
#> grants
data "aws_iam_policy_document" "d" {
  source_policy_documents = [jsonencode({ statement = [{ effect = "Allow", action = "iam:PassRole", RESOURCE = "*",  #> allow ? -> * to ec2.amazonaws.com
    condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } } }] })]
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

data "aws_iam_policy_document" "d" {
  source_policy_documents = [<<EOT
{"Statement": [
  {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}]}
EOT
  , jsonencode({ Statement = { Effect = "Deny", Action = "*", Resource = "arn:aws:iam::*:role/x" } })]
}
resource "aws_iam_policy" "p" { policy = data.aws_iam_policy_document.d.json }

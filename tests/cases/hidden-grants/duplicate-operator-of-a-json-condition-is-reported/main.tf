resource "aws_iam_policy" "p" {
  policy = <<EOT
{"Statement": [{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::111122223333:role/a-*",
  "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}, "StringEquals": {"a:b": "c"}}}]}
EOT
}

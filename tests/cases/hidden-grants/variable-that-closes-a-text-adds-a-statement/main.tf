variable "x" {
  default = "*\"}, {\"Effect\": \"Allow\", \"Action\": \"iam:PassRole\", \"Resource\": \"*"
}
resource "aws_iam_policy" "p" {
  policy = <<EOT
{"Statement": [{"Effect": "Allow", "Action": "s3:Get", "Resource": "${var.x}"}]}
EOT
}

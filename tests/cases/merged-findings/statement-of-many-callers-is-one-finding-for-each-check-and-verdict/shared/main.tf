variable "name" {}
resource "aws_iam_role" "deployer" {
  name               = "${var.name}-deployer"
  assume_role_policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "111122223333" } }]
  })
}
resource "aws_iam_role_policy" "deploy" {
  role   = aws_iam_role.deployer.name
  policy = jsonencode({
    Statement = [{ Effect = "Allow", Action = "iam:*", Resource = "arn:aws:iam::111122223333:role/${var.name}-*" }]
  })
}

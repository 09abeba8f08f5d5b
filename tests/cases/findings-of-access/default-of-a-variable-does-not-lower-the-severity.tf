#> scan
variable "env" { type = string }
variable "known" { default = "app" }
resource "aws_iam_role" "env" {
  name               = "${var.env}-deployer"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } } })
}
resource "aws_iam_role_policy" "env" {
  role   = aws_iam_role.env.id
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.env}*" } })  #> 002 medium (medium confidence); 014 low (low confidence); 016 medium (medium confidence)
}
resource "aws_iam_role" "known" {
  name               = "${var.known}-deployer"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } } })
}
resource "aws_iam_role_policy" "known" {
  role   = aws_iam_role.known.id
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${var.known}*" } })  #> 002 medium; 016 medium
}

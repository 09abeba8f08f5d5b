resource "terraform_data" "d" { input = "*" }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = terraform_data.d.output } })  #> 001 high
}

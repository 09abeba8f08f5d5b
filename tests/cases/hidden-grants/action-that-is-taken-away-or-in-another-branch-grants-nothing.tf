resource "aws_iam_policy" "taken" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = setsubtract(["iam:PassRole", "s3:Get"], ["iam:PassRole"]), Resource = "*" } })
}
resource "aws_iam_policy" "branch" {
  policy = true ? jsonencode({ Statement = { Effect = "Allow", Action = "s3:Get", Resource = "*" } }) : jsonencode({
    Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
#> statements without finding: 0

#> scan
resource "aws_iam_policy" "a" {
  # passrole:skip=PASSROLE_001 known
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 001 high suppressed
}
resource "aws_iam_policy" "b" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 001 high

#> scan --check 002
resource "aws_iam_policy" "wide" {
  # passrole:skip=PASSROLE_001 known
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })
}
#> statements without finding: 1

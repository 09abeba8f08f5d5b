#> scan
resource "aws_iam_policy" "wide" {
  # passrole:skip=PASSROLE_001 the break-glass role
  # checkov:skip=PASSROLE_002:idle  #> unused suppressions
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }] })  #> 001 high suppressed
}

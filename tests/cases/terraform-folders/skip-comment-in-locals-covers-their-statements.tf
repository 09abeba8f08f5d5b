# Wherever they are used, and nothing else of the file.
locals {
  # passrole:skip=PASSROLE_001 known
  s = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" }  #> 001 high suppressed
}
resource "aws_iam_policy" "a" { policy = jsonencode({ Statement = [local.s] }) }
resource "aws_iam_policy" "b" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 001 high

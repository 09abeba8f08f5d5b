# passrole:skip=PASSROLE_001 known
resource "aws_iam_policy" "a" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 001 high suppressed
resource "aws_iam_policy" "b" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }  #> 001 high suppressed

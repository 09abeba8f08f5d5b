resource "aws_iam_policy" "p" { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }
locals { boundary = aws_iam_policy.p.arn }
resource "aws_iam_role" "r" { permissions_boundary = local.boundary }
#> statements without finding: 0

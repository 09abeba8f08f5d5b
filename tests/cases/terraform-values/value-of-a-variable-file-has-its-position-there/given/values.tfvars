other     = 1
statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" }

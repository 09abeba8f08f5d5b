release_roles  = ["*"]
with_operators = true
instance_count = 5
extra_statements = [
  { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/app-migrate" },
]

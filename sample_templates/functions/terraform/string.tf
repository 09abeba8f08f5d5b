# String functions.

# Clean: whatever the team is called, the roles are below /teams/ and the service is exact.
resource "aws_iam_policy" "by_name" {
  name = "by-name"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect = "Allow"
      Action = "iam:PassRole"
      Resource = format(
        "arn:aws:iam::%012d:role/teams/%s-%s",
        111122223333,
        replace(lower("WEB TIER"), "/\\s+/", "-"),
        trimsuffix(var.team, "-team"),
      )
      Condition = local.to_lambda
    }]
  })
}

# Flagged (001): put together from pieces, it is every role.
resource "aws_iam_policy" "from_pieces" {
  name = "from-pieces"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = join(":", split("/", "iam/PassRole"))
      Resource = substr("arn:aws:iam::111122223333:role/*-suffix", 0, 32)
    }]
  })
}

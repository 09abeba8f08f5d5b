# Numeric, date, type conversion, hash and provider functions.

locals {
  year      = formatdate("YYYY", "2024-05-01T00:00:00Z")
  untrusted = try(local.settings.no_such_attribute, "*")
}

# Clean: numbers, dates and hashes of what is known are known, and so is the ARN.
resource "aws_iam_policy" "worked_out" {
  name = "worked-out"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Condition = local.to_lambda
      Resource = [
        provider::aws::arn_build("aws", "iam", "", "111122223333", "role/${local.year}-${max(1, 2)}"),
        "arn:aws:iam::111122223333:role/${md5("app")}",
        "arn:aws:iam::111122223333:role/${tostring(tonumber("7"))}",
      ]
    }]
  })
}

# Flagged (001): try() falls back to "*".
resource "aws_iam_policy" "fallback" {
  name = "fallback"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = local.untrusted }]
  })
}

# Clean: a name that is only known when it runs is still the name of one role below /runs/.
resource "aws_iam_policy" "when_it_runs" {
  name = "when-it-runs"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = "arn:aws:iam::111122223333:role/runs/${uuid()}"
      Condition = local.to_lambda
    }]
  })
}

# Cannot be told (014): a function of another provider is not evaluated.
resource "aws_iam_policy" "other_provider" {
  name = "other-provider"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = provider::acme::role_of(var.team)
      Condition = local.to_lambda
    }]
  })
}

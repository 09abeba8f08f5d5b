# With `enabled = false` OpenTofu creates none.
resource "aws_iam_policy" "disabled" {  #> not evaluated: no_instance
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
  lifecycle { enabled = false }
}
resource "aws_iam_policy" "none" {  #> not evaluated: no_instance
  for_each = { for k, v in { a = false } : k => v if v }
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
#> statements without finding: 0

# A policy that is a boundary by its name or description, and attached nowhere, is low and stays visible.
resource "aws_iam_policy" "developer_boundary" {
  name   = "developers"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 low (low confidence)
}
resource "aws_iam_policy" "by_name" {
  name   = "DeveloperBoundary"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 low (low confidence)
}
resource "aws_iam_policy" "by_description" {
  description = "Permissions boundary for developers"
  policy      = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 low (low confidence)
}
resource "aws_iam_policy" "by_path" {
  path   = "/boundaries/"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 low (low confidence)
}
resource "aws_iam_policy" "other_description" {
  description = "Allows to create roles with the boundary"
  policy      = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 high
}
resource "aws_iam_policy" "developers" {
  name   = "developers"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 high
}

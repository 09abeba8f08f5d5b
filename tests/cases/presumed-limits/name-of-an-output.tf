# An output named after a boundary presumes one for the policy that it exports.
resource "aws_iam_policy" "limit" {
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 low (low confidence)
}
output "permissions_boundary_arn" {
  value = aws_iam_policy.limit.arn
}

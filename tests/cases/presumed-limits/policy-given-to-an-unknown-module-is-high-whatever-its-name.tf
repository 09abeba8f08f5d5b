# The module may attach it.
#> scan --check 001
resource "aws_iam_policy" "boundary" {
  name   = "boundary"
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "*", Resource = "*" }] })  #> 001 high
}
module "roles" {  #> not evaluated: module
  source      = "example/roles/aws"
  policy_arns = [aws_iam_policy.boundary.arn]
}

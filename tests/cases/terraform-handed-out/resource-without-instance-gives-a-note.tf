# If it declares or attaches a policy that may allow PassRole.
resource "aws_iam_policy" "a" {  #> not evaluated: no_instance
  count  = 0
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_policy" "b" {  #> not evaluated: no_instance
  for_each = {}
  policy   = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_iam_policy" "c" {
  count  = 1
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })  #> 001 high
}
resource "aws_iam_policy" "d" {
  count  = 0
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "s3:GetObject", Resource = "*" } })
}
resource "aws_iam_role_policy_attachment" "e" {  #> not evaluated: no_instance
  count      = 0
  policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess"
  role       = "x"
}
resource "aws_iam_role" "f" {  #> not evaluated: no_instance
  count = 0
  inline_policy { policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } }) }
}

# A role's name in a template is an unresolved NAME that refers to the role.
#> grants | scope
resource "aws_iam_role" "r" {
  name = "app"
  assume_role_policy = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole" } })
}
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/${aws_iam_role.r.name}" } })  #> allow ? -> arn:aws:iam::111122223333:role/${aws_iam_role.r.name} to any service (role_in_template)
}

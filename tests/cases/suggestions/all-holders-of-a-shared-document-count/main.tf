data "aws_iam_policy_document" "pass" {
  statement {
    actions   = ["iam:PassRole"]
    resources = ["arn:aws:iam::111122223333:role/app-*"]
  }
}
resource "aws_iam_role" "a" {
  name               = "a"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "codebuild.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "a" {
  role   = aws_iam_role.a.id
  policy = data.aws_iam_policy_document.pass.json
}
resource "aws_iam_role_policy" "a_more" {
  role   = aws_iam_role.a.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = ["lambda:CreateFunction"], Resource = "*" }] })
}
resource "aws_iam_role" "b" {
  name               = "b"
  assume_role_policy = jsonencode({ Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "codebuild.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "b" {
  role   = aws_iam_role.b.id
  policy = data.aws_iam_policy_document.pass.json
}
resource "aws_iam_role_policy" "b_more" {
  role   = aws_iam_role.b.id
  policy = jsonencode({ Statement = [{ Effect = "Allow", Action = ["glue:CreateJob"], Resource = "*" }] })
}

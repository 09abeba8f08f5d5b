locals {
  statements = [
    {
      Effect   = "Allow"
      Action   = "iam:PassRole"
      Resource = "*"
    },
  ]
  raw = {
    deploy = {
      actions   = ["iam:PassRole"]
      resources = ["*"]
    }
  }
  one = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "iam:PassRole"
        Resource = "arn:aws:iam::*:role/a"
      },
    ]
  })
}
resource "aws_iam_policy" "for" {
  policy = jsonencode({
    Statement = [for s in local.statements : s]
  })
}
resource "aws_iam_policy" "for2" {
  policy = jsonencode({
    Statement = [for name, s in local.raw : {
      Effect   = "Allow"
      Action   = s.actions
      Resource = s.resources
    }]
  })
}
resource "aws_iam_policy" "merge" {
  policy = jsonencode({
    Statement = [for s in local.statements : merge(s, { Sid = "x" })]
  })
}
resource "aws_iam_policy" "decode" {
  policy = jsonencode({
    Statement = concat([], jsondecode(local.one).Statement)
  })
}
resource "aws_iam_policy" "decode_for" {
  policy = jsonencode({
    Statement = [for s in jsondecode(local.one)["Statement"] : s if s.Effect == "Allow"]
  })
}
module "join" {
  source = "./join"
  docs   = [local.one, file("${path.module}/doc.json")]
}

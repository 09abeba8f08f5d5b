# A statement that allows everything is any-role, in the one case as in any.
variable "prod" { type = bool }
resource "aws_iam_user_policy" "everything" {
  count  = var.prod ? 1 : 0
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "*", Resource = "*" } })  #> 001 high (medium confidence)
}
resource "aws_iam_user_policy" "lambda" {
  user   = "u"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource = "*" } })
}

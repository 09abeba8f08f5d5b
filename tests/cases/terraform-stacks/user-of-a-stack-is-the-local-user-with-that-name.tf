#> scan --check 008 | principals
resource "aws_cloudformation_stack" "s" {
  template_body = jsonencode({ Resources = { P = { Type = "AWS::IAM::ManagedPolicy", Properties = { Users = ["bob"],
    PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } } } })  #> 008 high (bob)
}
resource "aws_iam_user_policy" "p" {
  user   = "bob"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource = "*" } })
}

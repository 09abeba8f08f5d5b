# And distinct from the local user with that name.
#> scan --check 001,008 | principals
resource "aws_cloudformation_stack_set" "s" {
  template_body = jsonencode({ Resources = { P = { Type = "AWS::IAM::ManagedPolicy", Properties = { Users = ["bob"],
    PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } } } })  #> 001 high (aws_cloudformation_stack_set.s.bob)
}
resource "aws_iam_user_policy" "p" {
  user   = "bob"
  policy = jsonencode({ Statement = { Effect = "Allow", Action = ["lambda:CreateFunction", "lambda:InvokeFunction"], Resource = "*" } })
}

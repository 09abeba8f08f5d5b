# Findings cover what users may do with it, and what it can do.
#> scan | resource, values
resource "aws_cloudformation_stack" "s" {
  template_body = jsonencode({ Resources = { Admin = { Type = "AWS::IAM::Role", Properties = {
    RoleName                 = "boss"
    AssumeRolePolicyDocument = { Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } } }
    ManagedPolicyArns        = ["arn:aws:iam::aws:policy/AdministratorAccess"]  #> 013 high (aws_cloudformation_stack.s, Action: "*" ec2.amazonaws.com)
  } } } })
}
resource "aws_iam_user_policy" "p" {
  user = "bob"
  policy = jsonencode({ Statement = [
    { Effect = "Allow", Action = "ec2:*", Resource = "*" },
    { Effect = "Allow", Action = "iam:PassRole", Resource = "arn:aws:iam::111122223333:role/boss",  #> 008 high (aws_iam_user_policy.p, arn:aws:iam::111122223333:role/boss ec2.amazonaws.com ec2:RunInstances ec2:RunScheduledInstances)
      Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } } },
  ] })
}

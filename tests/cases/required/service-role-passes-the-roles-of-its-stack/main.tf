resource "aws_iam_role" "outer" {
  name               = "outer"
  assume_role_policy = "{}"
}
resource "aws_cloudformation_stack" "app" {
  name          = "app"
  iam_role_arn  = aws_iam_role.outer.arn
  template_body = <<EOT
Resources:
  Own: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
  A: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Own.Arn}}
  P: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Own]}}
EOT
}

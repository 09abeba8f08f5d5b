resource "aws_cloudformation_stack_set" "app" {
  name          = "app"
  template_body = <<EOT
Resources:
  Own: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
  A: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Own.Arn}}
  P: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Own]}}
EOT
}

resource "aws_iam_role" "outer" {
  name               = "outer"
  assume_role_policy = "{}"
}
resource "aws_cloudformation_stack" "app" {
  name          = "app"
  parameters    = { Given = aws_iam_role.outer.arn }
  template_body = <<EOT
Parameters:
  Given: {Type: String}
Resources:
  Own: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}
  Named: {Type: AWS::IAM::Role, Properties: {RoleName: !Sub "$${AWS::StackName}-named", AssumeRolePolicyDocument: {}}}
  A: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Own.Arn}}
  B: {Type: AWS::Lambda::Function, Properties: {Role: !Ref Given}}
  C: {Type: AWS::Lambda::Function, Properties: {Role: !GetAtt Named.Arn}}
  P: {Type: AWS::IAM::InstanceProfile, Properties: {Roles: [!Ref Own]}}
  I: {Type: AWS::EC2::Instance, Properties: {IamInstanceProfile: !Ref P}}
EOT
}

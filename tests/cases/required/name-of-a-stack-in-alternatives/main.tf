resource "aws_cloudformation_stack" "app" {
  name          = "app"
  template_body = <<EOT
Parameters: {Stage: {Type: String}}
Conditions: {IsProd: !Equals [!Ref Stage, prod]}
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties:
      Role: !If [IsProd, !Sub "arn:aws:iam::111122223333:role/$${AWS::StackName}", "arn:aws:iam::111122223333:role/dev"]
EOT
}

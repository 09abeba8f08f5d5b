resource "aws_cloudformation_stack" "s" {
  template_body = <<-EOT
    Resources:
      P: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Statement: [
        {Effect: Allow, Action: iam:PassRole, Resource: '*'}]}}}
      N:
        Type: AWS::CloudFormation::Stack
        Properties: {TemplateURL: 'https://x/y'}
      M: 5
  EOT
}

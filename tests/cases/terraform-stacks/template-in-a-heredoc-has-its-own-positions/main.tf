variable "x" {}
resource "aws_cloudformation_stack" "s" {
  template_body = <<-EOT
    Resources:
      P: {Type: AWS::IAM::ManagedPolicy, Properties: {PolicyDocument: {Statement: [
        {Effect: Allow, Action: iam:PassRole, Resource: 'arn:aws:iam::111122223333:role/${var.x}/*'},
        {Effect: Allow, Action: iam:PassRole,
         Resource: '*'}]}}}
  EOT
}

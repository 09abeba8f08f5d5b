# A name of a stack that is cut is in the names that CloudFormation makes as far as it is kept.
#> required --account 111122223333 | attribute
variable "x" {}
resource "aws_cloudformation_stack" "app" {  #> not evaluated: defined_elsewhere
  name          = "a-stack-with-a-name-that-is-much-too-long"
  template_body = var.x ? "none" : jsonencode({  #> aws_cloudformation_stack.app.Own to ec2.amazonaws.com (passed) (template_body/Resources/I/Properties/IamInstanceProfile); aws_cloudformation_stack.app.Own to ec2.amazonaws.com (passed) (template_body/Resources/P/Properties/Roles/0)
    Description = 7
    Resources = {
      Own = { Type = "AWS::IAM::Role", Properties = { AssumeRolePolicyDocument = {} } }
      P   = { Type = "AWS::IAM::InstanceProfile", Properties = { Roles = [{ Ref = "Own" }] } }
      I   = { Type = "AWS::EC2::Instance", Properties = { IamInstanceProfile = { Ref = "P" } } }
    }
  })
}
#> PassRolesToEc2: arn:aws:iam::111122223333:role/a-stack-with-a-name-that*-Own-* to ec2.amazonaws.com

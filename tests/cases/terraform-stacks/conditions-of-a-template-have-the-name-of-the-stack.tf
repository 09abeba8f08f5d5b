# Both outcomes are checked.
#> scan | when, values
resource "aws_cloudformation_stack" "s" {
  name = "jobs"
  template_body = jsonencode({
    Parameters = { Stage = { Type = "String" } }
    Conditions = { Live = { "Fn::Equals" = [{ Ref = "Stage" }, "live"] } }
    Resources = { P = { Type = "AWS::IAM::ManagedPolicy", Properties = { PolicyDocument = { Statement = {  #> 001 high (medium confidence, when aws_cloudformation_stack.s.Stage is not "live"); 002 low (when aws_cloudformation_stack.s.Stage = "live", arn:aws:iam::111122223333:role/jobs-x)
      Effect = "Allow", Action = "iam:PassRole"
      Resource = { "Fn::If" = ["Live", { "Fn::Sub" = "arn:aws:iam::111122223333:role/$${AWS::StackName}-x" }, "*"] }
    } } } } }
  })
}

# A CloudFormation stack, and a Cloud Control resource that may contain policies, are reported as not evaluated.
#> grants
resource "aws_cloudformation_stack" "x" {  #> not evaluated: defined_elsewhere
  count = 2
  template_body = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } })
}
resource "aws_cloudformation_stack" "none" { count = 0 }
resource "aws_cloudcontrolapi_resource" "role" { type_name = "AWS::IAM::Role" }  #> not evaluated: other
resource "aws_cloudcontrolapi_resource" "cluster" { type_name = "AWS::ECS::Cluster" }

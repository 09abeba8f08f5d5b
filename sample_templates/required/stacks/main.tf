# Stacks of CloudFormation in Terraform: whoever runs this passes the roles that the resources of the first stack take.
# The second has a service role, which passes them in its place.

resource "aws_iam_role" "export" {
  name = "orders-export"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role" "stacks" {
  name = "stacks"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "cloudformation.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_cloudformation_stack" "orders" {
  name         = "orders"
  capabilities = ["CAPABILITY_IAM"]

  parameters = {
    ExportRole = aws_iam_role.export.arn
  }

  template_body = <<-YAML
    Parameters:
      ExportRole:
        Type: String
    Resources:
      Export:
        Type: AWS::Lambda::Function
        Properties:
          Handler: index.handler
          Runtime: python3.12
          Role: !Ref ExportRole
          Code:
            ZipFile: "def handler(event, context): pass"
      ImportRole:
        Type: AWS::IAM::Role
        Properties:
          AssumeRolePolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Principal: {Service: states.amazonaws.com}
                Action: sts:AssumeRole
      Import:
        Type: AWS::StepFunctions::StateMachine
        Properties:
          RoleArn: !GetAtt ImportRole.Arn
          DefinitionString: '{"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1, "End": true}}}'
  YAML
}

resource "aws_cloudformation_stack" "reports" {
  name         = "reports"
  iam_role_arn = aws_iam_role.stacks.arn

  template_body = jsonencode({
    Resources = {
      Report = {
        Type = "AWS::Lambda::Function"
        Properties = {
          Handler = "index.handler"
          Runtime = "python3.12"
          Role    = aws_iam_role.export.arn
          Code    = { ZipFile = "def handler(event, context): pass" }
        }
      }
    }
  })
}

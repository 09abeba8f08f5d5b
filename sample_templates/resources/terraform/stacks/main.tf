# Stacks of CloudFormation that Terraform deploys: what their templates say about iam:PassRole counts like what stands
# here, with the parameters that the stacks are given.

resource "aws_iam_role" "export" {
  name = "orders-export"

  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

# The template is here: any role to any service.
resource "aws_cloudformation_stack" "pipeline" {
  name         = "pipeline"
  capabilities = ["CAPABILITY_IAM"]

  template_body = <<-YAML
    Resources:
      Deployers:
        Type: AWS::IAM::ManagedPolicy
        Properties:
          Groups: [deployers]
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: iam:PassRole
                Resource: "*"
  YAML
}

# So is this one, as an object. It names one role and one service.
resource "aws_cloudformation_stack" "export" {
  name         = "export"
  capabilities = ["CAPABILITY_IAM"]

  template_body = jsonencode({
    Resources = {
      Exporters = {
        Type = "AWS::IAM::ManagedPolicy"
        Properties = {
          Groups = ["exporters"]
          PolicyDocument = {
            Version = "2012-10-17"
            Statement = [{
              Effect    = "Allow"
              Action    = "iam:PassRole"
              Resource  = aws_iam_role.export.arn
              Condition = { StringEquals = { "iam:PassedToService" = "lambda.amazonaws.com" } }
            }]
          }
        }
      }
    }
  })
}

# The template is a file beside this one, which is read with what the stack is given: with its default alone it would
# allow any role.
resource "aws_cloudformation_stack" "builds" {
  name          = "builds"
  capabilities  = ["CAPABILITY_NAMED_IAM"]
  template_body = file("${path.module}/builds.yaml")

  parameters = {
    Roles = "arn:aws:iam::111122223333:role/builds/*"
  }
}

# The same in every account of an organization.
resource "aws_cloudformation_stack_set" "operators" {
  name             = "operators"
  permission_model = "SERVICE_MANAGED"
  template_body    = templatefile("${path.module}/operators.yaml.tftpl", { service = "ssm.amazonaws.com" })

  auto_deployment {
    enabled = true
  }
}

# Of a template that lies in Amazon S3 nothing is known, which is said.
resource "aws_cloudformation_stack" "vendor" {
  name         = "vendor"
  capabilities = ["CAPABILITY_IAM"]
  template_url = "https://vendor.example.com/agent.yaml"
}

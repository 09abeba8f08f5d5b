# Stacks and products that Terraform deploys, and what else gives permissions that are defined elsewhere.

resource "awscc_cloudformation_stack" "app" {
  stack_name = "app"
  role_arn   = "arn:aws:iam::111122223333:role/cloudformation"
  parameters = {
    Role = "*"
  }
  template_body = file("${path.module}/stack.yaml") # flagged: 001
}

resource "awscc_cloudformation_stack_set" "everywhere" {
  stack_set_name   = "everywhere"
  permission_model = "SERVICE_MANAGED"
  parameters = [
    { parameter_key = "Role", parameter_value = "arn:aws:iam::*:role/app-*" }, # flagged: 002
  ]
  template_body = jsonencode({
    Parameters = { Role = { Type = "String" } }
    Resources = {
      Deploy = {
        Type = "AWS::IAM::ManagedPolicy"
        Properties = {
          PolicyDocument = {
            Version   = "2012-10-17"
            Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = { Ref = "Role" } }]
          }
        }
      }
    }
  })
}

# Templates that are not here: notes.
resource "awscc_cloudformation_stack" "remote" {
  stack_name   = "remote"
  template_url = "https://example-bucket.s3.amazonaws.com/stack.yaml"
}

resource "aws_serverlessapplicationrepository_cloudformation_stack" "rotation" {
  name           = "rotation"
  application_id = "arn:aws:serverlessrepo:us-east-1:297356227824:applications/SecretsManagerRDSPostgreSQLRotationSingleUser"
  capabilities   = ["CAPABILITY_IAM"]
}

resource "aws_servicecatalog_product" "sandbox" {
  name  = "sandbox"
  owner = "platform"
  type  = "CLOUD_FORMATION_TEMPLATE"

  provisioning_artifact_parameters {
    template_url = "https://example-bucket.s3.amazonaws.com/sandbox.yaml"
  }
}

resource "aws_servicecatalog_provisioned_product" "sandbox" {
  name                       = "sandbox"
  product_id                 = aws_servicecatalog_product.sandbox.id
  provisioning_artifact_name = "v1"
}

# QuickSight lets its users act with IAM policies.
resource "aws_quicksight_iam_policy_assignment" "admin" {
  assignment_name   = "admin"
  assignment_status = "ENABLED"
  policy_arn        = "arn:aws:iam::aws:policy/AdministratorAccess" # flagged: 013

  identities {
    user = ["ana"]
  }
}

resource "aws_quicksight_iam_policy_assignment" "draft" {
  assignment_name   = "draft"
  assignment_status = "DRAFT"
  policy_arn        = "arn:aws:iam::aws:policy/AdministratorAccess" # without effect
}

# Groups that are not here: notes.
resource "aws_iam_user" "ana" {
  name = "ana"
}

resource "aws_iam_user_group_membership" "ana" {
  user   = aws_iam_user.ana.name
  groups = ["administrators", aws_iam_group.known.name]
}

resource "aws_iam_group" "known" {
  name = "known"
}

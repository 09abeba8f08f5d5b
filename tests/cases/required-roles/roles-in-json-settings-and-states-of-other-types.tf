#> required | attribute
resource "aws_iam_role" "r" { name = "app" }
resource "aws_batch_job_definition" "j" {
  container_properties = jsonencode({
    image      = "x"
    jobRoleArn = aws_iam_role.r.arn  #> aws_iam_role.r to ecs-tasks.amazonaws.com (passed) (container_properties/jobRoleArn)
  })
}
resource "aws_elastic_beanstalk_environment" "e" {
  setting {
    namespace = "aws:elasticbeanstalk:environment"
    name      = "ServiceRole"
    value     = aws_iam_role.r.name  #> aws_iam_role.r to elasticbeanstalk.amazonaws.com (passed) (medium confidence, setting/0/value)
  }
  setting {
    namespace = "aws:elasticbeanstalk:environment"
    name      = "EnvironmentType"
    value     = "SingleInstance"
  }
}
resource "aws_cloudcontrolapi_resource" "c" {
  type_name     = "AWS::Lambda::Function"
  desired_state = jsonencode({ Role = aws_iam_role.r.arn })  #> aws_iam_role.r to lambda.amazonaws.com (passed) (desired_state/Role)
}
#> PassRolesToEcsTasksAndElasticbeanstalkAndLambda: arn:aws:iam::${AWS::AccountId}:role/app to ecs-tasks.amazonaws.com & elasticbeanstalk.amazonaws.com & lambda.amazonaws.com

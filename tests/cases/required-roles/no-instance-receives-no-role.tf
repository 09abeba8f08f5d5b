#> required
resource "aws_lambda_function" "f" {
  count = 0
  role  = "arn:aws:iam::111122223333:role/x"
}
resource "aws_ecs_task_definition" "t" { task_role_arn = null }
#> exit 0

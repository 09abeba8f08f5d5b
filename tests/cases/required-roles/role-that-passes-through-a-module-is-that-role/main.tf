resource "aws_iam_role" "r" { name = "app" }
module "inner" {
  source = "./inner"
  role   = aws_iam_role.r.arn
}
resource "aws_lambda_function" "g" { role = module.inner.arn }

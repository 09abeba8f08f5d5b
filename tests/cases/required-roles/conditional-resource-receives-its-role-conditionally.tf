#> required | when
variable "on" { type = bool }
resource "aws_lambda_function" "f" {
  count = var.on ? 1 : 0
  role  = "arn:aws:iam::111122223333:role/f"  #> arn:aws:iam::111122223333:role/f to lambda.amazonaws.com (passed) (when var.on is true)
}
#> PassRolesToLambda: arn:aws:iam::111122223333:role/f to lambda.amazonaws.com

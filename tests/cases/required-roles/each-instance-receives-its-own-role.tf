#> required | resource
resource "aws_iam_role" "r" { for_each = toset(["a", "b"]) }
resource "aws_lambda_function" "f" {
  for_each = toset(["a", "b"])
  role     = aws_iam_role.r[each.key].arn  #> aws_iam_role.r["a"] to lambda.amazonaws.com (passed) (aws_lambda_function.f["a"]); aws_iam_role.r["b"] to lambda.amazonaws.com (passed) (aws_lambda_function.f["b"])
}
#> PassRolesToLambda: arn:aws:iam::${AWS::AccountId}:role/terraform-* to lambda.amazonaws.com

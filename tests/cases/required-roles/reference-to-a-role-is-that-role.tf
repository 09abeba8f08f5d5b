#> required
resource "aws_iam_role" "r" { name = "app" }
locals { role = aws_iam_role.r.arn }
resource "aws_lambda_function" "a" { role = aws_iam_role.r.arn }  #> aws_iam_role.r to lambda.amazonaws.com (passed)
resource "aws_lambda_function" "b" { role = aws_iam_role.r.name }  #> aws_iam_role.r to lambda.amazonaws.com (passed)
resource "aws_lambda_function" "c" { role = aws_iam_role.r.id }  #> aws_iam_role.r to lambda.amazonaws.com (passed)
resource "aws_lambda_function" "d" { role = local.role }  #> aws_iam_role.r to lambda.amazonaws.com (passed)
#> PassRolesToLambda: arn:aws:iam::${AWS::AccountId}:role/app to lambda.amazonaws.com

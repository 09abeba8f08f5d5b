# A looked-up AWS managed policy has its statements, if it is known.
#> grants
data "aws_iam_policy" "d" { arn = "arn:aws:iam::aws:policy/AWSLambda_FullAccess" }
resource "aws_iam_user_policy" "x" {
  user = "u"
  policy = data.aws_iam_policy.d.policy  #> allow u -> * to lambda.amazonaws.com
}
data "aws_iam_policy" "d2" { arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AWSLambda_FullAccess" }
resource "aws_iam_user_policy" "x2" {
  user = "u"
  policy = data.aws_iam_policy.d2.policy  #> allow u -> * to lambda.amazonaws.com
}
data "aws_iam_policy" "d3" { name = "AWSLambda_FullAccess" }
resource "aws_iam_user_policy" "x3" {
  user = "u"
  policy = data.aws_iam_policy.d3.policy  #> allow u -> * to lambda.amazonaws.com
}

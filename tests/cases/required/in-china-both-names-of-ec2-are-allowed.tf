# EC2 sends another name when it launches an instance there than when a role is put into a profile
# (aws/karpenter-provider-aws#6843).
#> required --account 111122223333
resource "aws_iam_instance_profile" "host" {
  role = "host"  #> host to ec2.amazonaws.com (passed)
}
resource "aws_lambda_function" "f" {
  role = "arn:aws-cn:iam::111122223333:role/f"  #> arn:aws-cn:iam::111122223333:role/f to lambda.amazonaws.com (passed)
}
#> PassRolesToEc2AndEc2AmazonawsComCn: arn:aws-cn:iam::111122223333:role/host to ec2.amazonaws.com & ec2.amazonaws.com.cn
#> PassRolesToLambda: arn:aws-cn:iam::111122223333:role/f to lambda.amazonaws.com

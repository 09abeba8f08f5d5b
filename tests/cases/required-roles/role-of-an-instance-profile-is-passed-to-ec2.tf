#> required
resource "aws_iam_role" "r" { name = "app" }
resource "aws_iam_instance_profile" "p" {
  name = "hosts"
  role = aws_iam_role.r.name  #> aws_iam_role.r to ec2.amazonaws.com (passed)
}
resource "aws_instance" "by_reference" { iam_instance_profile = aws_iam_instance_profile.p.name }  #> aws_iam_role.r to ec2.amazonaws.com (passed)
resource "aws_instance" "by_name" { iam_instance_profile = "hosts" }  #> aws_iam_role.r to ec2.amazonaws.com (passed)
#> PassRolesToEc2: arn:aws:iam::${AWS::AccountId}:role/app to ec2.amazonaws.com

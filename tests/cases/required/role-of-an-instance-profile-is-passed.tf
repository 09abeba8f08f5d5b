# An instance and the profile itself both need the role; that of a profile declared elsewhere is unknown.
#> required --account 111122223333 | instance_profile
resource "aws_iam_role" "host" {
  name               = "host"
  assume_role_policy = "{}"
}
resource "aws_iam_instance_profile" "host" {
  name = "host-profile"
  role = aws_iam_role.host.name  #> aws_iam_role.host to ec2.amazonaws.com (passed)
}
resource "aws_instance" "reference" {
  iam_instance_profile = aws_iam_instance_profile.host.id  #> aws_iam_role.host to ec2.amazonaws.com (passed) (aws_iam_instance_profile.host)
}
resource "aws_instance" "name" {
  iam_instance_profile = "host-profile"  #> aws_iam_role.host to ec2.amazonaws.com (passed) (aws_iam_instance_profile.host)
}
resource "aws_instance" "other" {
  iam_instance_profile = "other"  #> the role in the instance profile other to ec2.amazonaws.com (passed) (low confidence, other)
}
#> PassRolesToEc2: arn:aws:iam::111122223333:role/host & ${RoleInOther} to ec2.amazonaws.com

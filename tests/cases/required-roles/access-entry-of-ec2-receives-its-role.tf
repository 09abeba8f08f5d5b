# An entry of another type gives a principal access to the cluster.
#> required
resource "aws_iam_role" "r" { name = "app" }
resource "aws_eks_access_entry" "nodes" {
  type          = "EC2_LINUX"
  principal_arn = aws_iam_role.r.arn  #> aws_iam_role.r to ec2.amazonaws.com (passed) (medium confidence)
}
resource "aws_eks_access_entry" "user" { principal_arn = aws_iam_role.r.arn }
#> PassRolesToEc2: arn:aws:iam::${AWS::AccountId}:role/app to ec2.amazonaws.com

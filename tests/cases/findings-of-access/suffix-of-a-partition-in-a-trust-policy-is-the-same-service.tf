# A role for EC2 is none for pods in any partition; an unknown service may be one.
#> scan --check 008 | values
variable "unknown" {}
data "aws_partition" "current" {}
resource "aws_iam_role" "ec2" {
  name                = "app-ec2"
  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
  assume_role_policy  = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.${data.aws_partition.current.dns_suffix}" } } })
}
resource "aws_iam_role" "pods" {
  name                = "app-pods"
  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
  assume_role_policy  = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "pods.eks.${data.aws_partition.current.dns_suffix}" } } })
}
resource "aws_iam_role" "unknown" {
  name                = "app-unknown"
  managed_policy_arns = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
  assume_role_policy  = jsonencode({ Statement = { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = var.unknown } } })
}
resource "aws_iam_policy" "ec2" { policy = jsonencode({ Statement = [
  { Effect = "Allow", Action = "eks:*", Resource = "*" }, { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.ec2.arn }] }) }
resource "aws_iam_policy" "pods" { policy = jsonencode({ Statement = [
  { Effect = "Allow", Action = "eks:*", Resource = "*" }, { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.pods.arn }] }) }  #> 008 medium (medium confidence, pods.eks.amazonaws.com eks:CreatePodIdentityAssociation eks:CreateAccessEntry eks:AssociateAccessPolicy s3-object-lambda:* s3:*)
resource "aws_iam_policy" "unknown" { policy = jsonencode({ Statement = [
  { Effect = "Allow", Action = "eks:*", Resource = "*" }, { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.unknown.arn }] }) }  #> 008 medium (medium confidence, pods.eks.amazonaws.com eks:CreatePodIdentityAssociation eks:CreateAccessEntry eks:AssociateAccessPolicy s3-object-lambda:* s3:*)

# A group that names its service-linked role needs that one role; a group that names none needs nothing.
#> required --account 111122223333
resource "aws_autoscaling_group" "own" {
  service_linked_role_arn = "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_own"  #> arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_own to autoscaling.amazonaws.com (passed) (medium confidence)
}
resource "aws_autoscaling_group" "default" {}
#> PassRolesToAutoscaling: arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling_own to autoscaling.amazonaws.com

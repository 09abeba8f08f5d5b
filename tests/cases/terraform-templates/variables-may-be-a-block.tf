# Until Terraform 0.11, `vars` may be written as a block.
#> grants
data "template_file" "policy" {
  template = "{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"iam:PassRole\", \"Resource\": \"$${role}\"}}"  #> allow x -> arn:aws:iam::111122223333:role/app to any service
  vars {
    role = "arn:aws:iam::111122223333:role/app"
  }
}
resource "aws_iam_role_policy" "p" {
  role   = "x"
  policy = "${data.template_file.policy.rendered}"
}

resource "aws_cloudformation_stack" "s" {
  template_body = file("${path.module}/t.yaml")
  parameters    = { R = "arn:aws:iam::111122223333:role/one" }
}

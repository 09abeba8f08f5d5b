resource "aws_cloudformation_stack" "given" {
  template_body = file("t.yaml")
  parameters    = { R = "arn:aws:iam::111122223333:role/one" }
}
resource "aws_cloudformation_stack" "default" { template_body = file("t.yaml") }

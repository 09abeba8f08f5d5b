resource "aws_cloudformation_stack" "app" {
  name          = "app"
  template_body = file("${path.module}/app.yaml")
}

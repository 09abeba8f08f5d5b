resource "aws_cloudformation_stack" "a" { template_body = file("${path.module}/resource.yaml") }
resource "aws_cloudformation_stack" "b" { template_body = file("${path.module}/file.yaml") }

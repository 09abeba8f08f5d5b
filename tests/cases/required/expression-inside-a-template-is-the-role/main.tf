variable "x" {}
resource "aws_iam_role" "outer" {
  name               = "outer"
  assume_role_policy = "{}"
}
resource "aws_cloudformation_stack" "app" {
  name          = "app"
  template_body = <<EOT
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties: {Role: "${aws_iam_role.outer.arn}"}
EOT
}
resource "aws_cloudformation_stack" "json" {
  name          = "json"
  template_body = jsonencode({
    Resources = { F = { Type = "AWS::Lambda::Function", Properties = {
      Role = var.x ? aws_iam_role.outer.arn : "other"
    } } }
  })
}

variable "x" {}
resource "aws_cloudformation_stack" "url" {
  count        = 2
  template_url = "https://example.com/t.yaml"
}
resource "aws_cloudformation_stack" "unknown" { template_body = var.x }
resource "aws_cloudformation_stack" "words" { template_body = "just words" }
resource "aws_cloudformation_stack" "several" {
  template_body = var.x ? jsonencode({ Resources = {} }) : jsonencode({ Resources = { P = { Type = "AWS::IAM::User" } } })
}
resource "aws_cloudformation_stack" "broken" {
  template_body = <<EOT
Resources:
  P: {Type: 'AWS::IAM::Role'
AWSTemplateFormatVersion: 1
EOT
}

# The policies of a conditional instance are conditional.
#> scan --check 001 | resource, uses, when
variable "x" {}
resource "aws_cloudformation_stack" "two" {
  count = 2
  template_body = jsonencode({ Resources = { P = { Type = "AWS::IAM::ManagedPolicy", Properties = { PolicyDocument = {
    Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } } } })  #> 001 high (aws_cloudformation_stack.two[0], aws_cloudformation_stack.two[0] & aws_cloudformation_stack.two[1])
}
resource "aws_cloudformation_stack" "none" {
  count = 0
  template_body = jsonencode({ Resources = { P = { Type = "AWS::IAM::ManagedPolicy", Properties = { PolicyDocument = {
    Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } } } })
}
resource "aws_cloudformation_stack" "maybe" {
  count = var.x ? 1 : 0
  template_body = jsonencode({ Resources = { P = { Type = "AWS::IAM::ManagedPolicy", Properties = { PolicyDocument = {
    Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } } } })  #> 001 high (medium confidence, aws_cloudformation_stack.maybe[0], aws_cloudformation_stack.maybe[0], when var.x is true)
}

#> required
variable "unknown" {}
resource "aws_cloudformation_stack" "text" {  #> not evaluated: defined_elsewhere
  name          = "app"
  template_body = "no template"
}
resource "aws_cloudformation_stack" "unknown" {  #> not evaluated: defined_elsewhere
  name          = "app"
  template_body = var.unknown
}
resource "aws_cloudformation_stack" "broken" {  #> not evaluated: defined_elsewhere
  name          = "app"
  template_body = "{"
}
resource "aws_cloudformation_stack" "null" {  #> not evaluated: defined_elsewhere
  name          = "app"
  template_body = null
}
resource "aws_cloudformation_stack" "list" {  #> not evaluated: defined_elsewhere
  name          = "app"
  template_body = jsonencode([1])
}

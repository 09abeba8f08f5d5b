# In the template, in the surrounding configuration, or identified by name.
#> grants
variable "user" {}
resource "aws_iam_role" "r" { name = "app" }
resource "aws_cloudformation_stack" "s" {
  name       = "s"
  parameters = { Given = aws_iam_role.r.name, Outer = var.user }
  template_body = jsonencode({
    Parameters = { Given = { Type = "String" }, Free = { Type = "String" }, Outer = { Type = "String" } }
    Resources = {
      Own = { Type = "AWS::IAM::Role" }
      A = { Type = "AWS::IAM::ManagedPolicy", Properties = { Roles = [{ Ref = "Own" }],
        PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } }  #> allow aws_cloudformation_stack.s.Own -> * to any service
      B = { Type = "AWS::IAM::ManagedPolicy", Properties = { Roles = [{ Ref = "Given" }],
        PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } }  #> allow aws_iam_role.r -> * to any service
      C = { Type = "AWS::IAM::ManagedPolicy", Properties = { Roles = [aws_iam_role.r.name],
        PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } }  #> allow aws_iam_role.r -> * to any service
      D = { Type = "AWS::IAM::ManagedPolicy", Properties = { Roles = ["app"],
        PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } }  #> allow app -> * to any service
      E = { Type = "AWS::IAM::ManagedPolicy", Properties = { Users = [var.user],
        PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } }  #> allow ${var.user} -> * to any service
      F = { Type = "AWS::IAM::ManagedPolicy", Properties = { Users = [{ Ref = "Free" }],
        PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } }  #> allow ${aws_cloudformation_stack.s.Free} -> * to any service
      G = { Type = "AWS::IAM::ManagedPolicy", Properties = { Users = [{ Ref = "Outer" }],
        PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } }  #> allow ${var.user} -> * to any service
      H = { Type = "AWS::IAM::ManagedPolicy", Properties = { Groups = ["team"],
        PolicyDocument = { Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = "*" } } } }  #> allow team -> * to any service
    }
  })
}

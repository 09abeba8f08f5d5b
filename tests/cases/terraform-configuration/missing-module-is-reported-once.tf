# A source that is called twice is reported once; its outputs are unresolved.
#> grants | scope
module "a" { source = "terraform-aws-modules/iam/aws" }  #> not evaluated: module
module "b" { source = "terraform-aws-modules/iam/aws" }
resource "aws_iam_policy" "p" {
  policy = jsonencode({ Statement = { Effect = "Allow", Action = "iam:PassRole", Resource = module.a.arn } })  #> allow ? -> ${module.a.arn} to any service (unresolved)
}

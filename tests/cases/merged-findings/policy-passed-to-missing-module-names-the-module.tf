# A finding on a document that is passed to a missing module names the module, at medium confidence.
#> scan | resource, uses, values
data "aws_iam_policy_document" "wide" {
  statement {  #> 001 high (medium confidence, module.deploy, module.deploy)
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
module "deploy" {  #> not evaluated: module (terraform init)
  source = "example.com/some/policy"
  policy = data.aws_iam_policy_document.wide.json
}

# Its principals are unknown.
#> scan | resource
module "m" {  #> not evaluated: module
  source = "example.com/some/module"
  policies = [
    "arn:aws:iam::aws:policy/AWSLambda_FullAccess",  #> 013 medium (medium confidence, module.m)
    "arn:aws:iam::aws:policy/AmazonEC2FullAccess",
    "arn:aws:iam::aws:policy/AmazonEventBridgeFullAccess",  #> 013 medium (medium confidence, module.m)
  ]
}

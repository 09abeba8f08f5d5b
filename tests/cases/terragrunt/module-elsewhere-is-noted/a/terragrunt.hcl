terraform { source = "tfr:///terraform-aws-modules/iam/aws?version=5.0.0" }

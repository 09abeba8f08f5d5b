locals { source = "../../modules/app" }
terraform { source = local.source }
inputs = { role = "arn:aws:iam::111122223333:role/local-source" }

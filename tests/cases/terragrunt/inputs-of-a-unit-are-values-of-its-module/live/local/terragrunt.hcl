locals { role = "arn:aws:iam::111122223333:role/local" }
terraform { source = "../../modules/app" }
inputs = merge({ role = local.role }, {})

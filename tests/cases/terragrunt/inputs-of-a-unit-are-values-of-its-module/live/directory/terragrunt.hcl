terraform { source = "${get_terragrunt_dir()}/../../modules/app" }
inputs = { role = "arn:aws:iam::111122223333:role/directory" }

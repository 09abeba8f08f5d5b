module "role" { source = "acme/role/aws" }

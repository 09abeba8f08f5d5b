module "role" {
  source  = "acme/role/aws"
  version = "1.2.3"
}
module "again" { source = "acme/role/aws" }

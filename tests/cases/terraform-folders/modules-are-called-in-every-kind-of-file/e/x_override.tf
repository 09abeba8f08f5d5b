module "m" { source = "../child-e" }

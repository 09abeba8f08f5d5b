module "n" { source = "../child" }

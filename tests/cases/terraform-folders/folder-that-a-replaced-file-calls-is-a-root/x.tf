module "m" { source = "./child" }

module "one" { source = "./child" }
module "user" {
  source = "./user"
  roles  = { a = module.one }
}

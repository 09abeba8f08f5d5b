module "a" {
  source = "../shared"
  name   = "web"
}

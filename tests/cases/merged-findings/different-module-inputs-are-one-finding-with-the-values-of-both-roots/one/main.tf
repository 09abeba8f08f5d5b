module "a" {
  source = "../shared"
  name   = "app"
}

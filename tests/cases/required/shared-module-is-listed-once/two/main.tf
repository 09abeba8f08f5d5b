module "app" {
  source = "../shared"
}

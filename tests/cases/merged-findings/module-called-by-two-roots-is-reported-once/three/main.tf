module "a" {
  source = "../shared"
}

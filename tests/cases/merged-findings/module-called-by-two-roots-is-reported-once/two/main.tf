module "b" {
  source = "../shared"
}

module "m" {
  source = "../child"
  count  = 0
}

module "m" {
  source     = "./m"
  statements = { pass = { resources = ["*"] } }
}

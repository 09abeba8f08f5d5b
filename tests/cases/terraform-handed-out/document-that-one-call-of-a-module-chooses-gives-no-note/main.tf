module "a" {
  source = "./m"
  on     = false
}
module "b" {
  source = "./m"
  on     = true
}

module "a" {
  source = "../shared"
  role   = "app-*"
}
module "b" {
  source = "../shared"
  role   = "app"
}
module "c" {
  source = "../shared"
  role   = "web-*"
}
module "d" {
  source = "../shared"
  role   = "web"
}

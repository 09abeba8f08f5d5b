module "a" {
  source = "./child"
  count  = 90
}
module "b" {
  source = "./child"
  count  = 90
}
module "c" {
  source = "./child"
  count  = 90
}
module "d" {
  source = "./child"
  count  = 90
}

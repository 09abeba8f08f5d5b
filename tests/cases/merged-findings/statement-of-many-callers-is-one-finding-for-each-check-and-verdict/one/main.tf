module "m" {
  for_each = toset(["0", "1", "2", "3"])
  source   = "../shared"
  name     = "one-${each.key}"
}

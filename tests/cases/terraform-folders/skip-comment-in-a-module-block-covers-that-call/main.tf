module "a" {
  # passrole:skip=PASSROLE_001 known
  source   = "./child"
  for_each = toset(["x", "y"])
}
module "b" { source = "./child" }

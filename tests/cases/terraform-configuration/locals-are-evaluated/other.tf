locals {
  a = "${local.b}/x"
  b = "y"
}

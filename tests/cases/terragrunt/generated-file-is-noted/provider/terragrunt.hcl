terraform { source = "../app" }
generate "x" {
  path     = "x.tf"
  contents = "provider \"aws\" {}"
}

terraform { source = "../app" }
generate "x" {
  path     = "data.tf"
  contents = "provider \"aws\" {}"
}

terraform { source = "../app" }
generate "x" {
  path     = "x.tf"
  contents = file("x.tf")
}

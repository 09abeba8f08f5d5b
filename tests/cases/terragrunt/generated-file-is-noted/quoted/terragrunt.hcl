terraform { source = "../app" }
generate "x" {
  path     = "data.tf"
  contents = "provider \"aws\" {}\nresource \"aws_iam_user\" \"x\" {}"
}

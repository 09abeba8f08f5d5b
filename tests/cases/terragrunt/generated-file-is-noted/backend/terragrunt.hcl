terraform { source = "../app" }
generate "x" {
  path     = "x.tf"
  contents = <<EOT
terraform {
  backend "s3" {}
}
EOT
}

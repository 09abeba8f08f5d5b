terraform { source = "../app" }
generate "x" {
  path     = "x.tf"
  contents = <<EOT
resource "aws_iam_user" "x" {}
EOT
}

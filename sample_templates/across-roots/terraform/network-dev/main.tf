terraform {
  backend "s3" {
    bucket = "example-dev-states"
    key    = "network/terraform.tfstate"
  }
}

output "flow_log_role" {
  value = "arn:aws:iam::*:role/dev-*"
}

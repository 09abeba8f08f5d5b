terraform {
  backend "s3" {
    bucket = "example-prod-states"
    key    = "network/terraform.tfstate"
  }
}

output "flow_log_role" {
  value = "arn:aws:iam::*:role/prod-*"
}

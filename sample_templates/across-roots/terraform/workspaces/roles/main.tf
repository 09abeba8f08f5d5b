terraform {
  cloud {
    organization = "example"
    workspaces {
      name = "roles"
    }
  }
}

output "role" {
  value = "arn:aws:iam::*:role/workspace-*"
}

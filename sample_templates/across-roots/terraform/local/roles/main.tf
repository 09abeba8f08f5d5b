output "role" {
  value = "arn:aws:iam::*:role/local-*"
}

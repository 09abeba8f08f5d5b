locals { role = "arn:aws:iam::111122223333:role/a" }
inputs = {
  role    = local.role
  service = "*"
}

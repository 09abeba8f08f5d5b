module "m" {
  source = "../app"
  roles  = ["arn:aws:iam::111122223333:role/app"]
}

module "m" {
  source = "../../"
  roles  = ["arn:aws:iam::111122223333:role/app-2"]
}

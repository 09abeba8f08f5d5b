module "people" {
  source = "./role"
  trust  = { AWS = "111122223333" }
}
module "workload" {
  source = "./role"
  trust  = { Service = "ec2.amazonaws.com" }
}

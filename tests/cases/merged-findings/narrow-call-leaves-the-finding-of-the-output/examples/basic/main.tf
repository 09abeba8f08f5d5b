module "m" {
  source = "../.."
  roles  = ["arn:aws:iam::111122223333:role/app"]
}
resource "aws_iam_policy" "p" {
  policy = module.m.policy
}

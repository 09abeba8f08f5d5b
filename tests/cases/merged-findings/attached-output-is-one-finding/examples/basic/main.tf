module "m" {
  source = "../.."
}
resource "aws_iam_policy" "p" {
  policy = module.m.policy
}

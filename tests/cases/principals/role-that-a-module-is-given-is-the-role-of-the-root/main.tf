resource "aws_iam_role" "r" { name = "worker" }
module "m" {
  source = "./m"
  role   = aws_iam_role.r.name
}

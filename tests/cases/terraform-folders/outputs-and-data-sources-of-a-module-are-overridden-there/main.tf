module "m" { source = "./m" }
resource "aws_iam_policy" "p" { policy = module.m.out }

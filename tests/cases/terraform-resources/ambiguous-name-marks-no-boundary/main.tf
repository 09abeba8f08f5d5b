module "a" { source = "./child" }
module "b" { source = "./child" }
resource "aws_iam_user" "x" { permissions_boundary = "arn:aws:iam::111122223333:policy/limit" }

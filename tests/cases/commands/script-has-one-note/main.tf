resource "aws_iam_user_policy" "p" {
  user   = file("${path.module}/pass.sh")
  name   = templatefile("${path.module}/user_data.sh.tpl", { role = "r" })
  policy = jsonencode({ Statement = [] })
}

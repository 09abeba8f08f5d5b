resource "null_resource" "first" {
  for_each = toset(["a", "b"])
  provisioner "local-exec" {
    command = "aws iam attach-user-policy --user-name ${each.key} --policy-arn arn:aws:iam::aws:policy/AdministratorAccess"
  }
}

resource "aws_instance" "second" {
  user_data = "aws iam put-role-policy --role-name r --policy-name p --policy-document file://p.json"
}

resource "aws_iam_user_policy" "shown" {
  user = "u"
  policy = templatefile("${path.module}/policy.tftpl", {})
}

variable "role" {}

resource "null_resource" "a" {
  provisioner "local-exec" {
    command = "aws iam attach-role-policy --role-name ${var.role} --policy-arn arn:aws:iam::aws:policy/AdministratorAccess"
  }
}

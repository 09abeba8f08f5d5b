# a line
resource "null_resource" "same" {
  provisioner "local-exec" {
    command = "aws iam attach-role-policy --role-name r --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess"
  }
}

resource "null_resource" "changed" {
  provisioner "local-exec" {
    command = <<-EOT
      aws iam put-role-policy --role-name r --policy-document '{
        "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
      }'
    EOT
  }
}

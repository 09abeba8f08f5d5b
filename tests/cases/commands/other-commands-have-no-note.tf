# Commands that attach or create no policy, and commands in comments, are not noted.
#> scan
locals {
  script = <<-EOT
    # aws iam attach-role-policy --role-name r --policy-arn arn:aws:iam::aws:policy/AdministratorAccess
    aws iam list-attached-role-policies --role-name r
    aws iam detach-role-policy --role-name r --policy-arn arn:aws:iam::aws:policy/AdministratorAccess
    aws s3api put-bucket-policy --bucket b --policy file://policy.json
    ./iam/attach-role-policy; ./iam-create-policy
  EOT
  // aws iam put-role-policy --role-name r
  json = "set -e\n# aws iam create-policy\ntrue"
}
#> statements without finding: 0

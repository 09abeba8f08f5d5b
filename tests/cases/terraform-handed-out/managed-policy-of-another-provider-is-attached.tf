# Only a resource of another provider may attach it; those of AWS that do are known.
resource "vault_aws_secret_backend_role" "r" { policy_arns = ["arn:aws:iam::aws:policy/AdministratorAccess"] }  #> 013 high (medium confidence)
resource "acme_role" "r" { boundary_policy = "arn:aws:iam::aws:policy/AdministratorAccess" }
resource "aws_ssm_parameter" "r" { value = "arn:aws:iam::aws:policy/AdministratorAccess" }
output "r" { value = "arn:aws:iam::aws:policy/AdministratorAccess" }

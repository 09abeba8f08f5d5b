# At medium confidence, as what happens with it is unknown.
#> scan --check 001 | resource
data "aws_iam_policy_document" "d" {
  statement {  #> 001 high (medium confidence, vault_aws_secret_backend_role.r)
    actions   = ["iam:PassRole"]
    resources = ["*"]
  }
}
resource "vault_aws_secret_backend_role" "r" { policy_document = data.aws_iam_policy_document.d.json }

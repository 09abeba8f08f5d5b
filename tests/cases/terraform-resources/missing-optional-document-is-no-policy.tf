# A missing optional document is no policy.
#> grants
resource "awscc_sso_permission_set" "x" { name = "x" }
#> exit 0

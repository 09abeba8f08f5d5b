terraform { source = "../../app" }
include "missing" { path = "missing.hcl" }
include "outside" { path = "../../../outside.hcl" }
include "unknown" { path = get_env() }
include "not_found" { path = find_in_parent_folders("missing.hcl") }
include "itself" { path = "terragrunt.hcl" }
include "none" { expose = true }
inputs = { (get_env()) = "*" }

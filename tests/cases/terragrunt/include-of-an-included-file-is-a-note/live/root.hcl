include "account" { path = find_in_parent_folders("account.hcl") }

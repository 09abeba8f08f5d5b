service    = "*"
account_id = "999999999999" # account.auto.tfvars is stronger

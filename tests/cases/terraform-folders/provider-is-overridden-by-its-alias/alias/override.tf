provider "aws" {
  alias               = "x"
  allowed_account_ids = ["111122223333"]
}

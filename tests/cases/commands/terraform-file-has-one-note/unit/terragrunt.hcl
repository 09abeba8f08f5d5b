terraform {
  source = "../m"
  after_hook "attach" {
    commands = ["apply"]
    execute  = ["aws", "iam", "attach-role-policy", "--role-name", "r"]
  }
}

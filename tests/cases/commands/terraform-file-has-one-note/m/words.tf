data "external" "x" {
  program = [
    "aws", "iam",
    "attach-group-policy", "--group-name", "g", "--policy-arn", "arn:aws:iam::aws:policy/AdministratorAccess",
  ]
}

# A note: tests are not evaluated.

run "plan" {
  command = plan

  variables {
    service = "ec2.amazonaws.com"
  }
}

terraform { source = "../../modules/app" }
inputs = {
  role = "arn:aws:iam::111122223333:role/dependency"
  vpc  = dependency.vpc.outputs.id
}

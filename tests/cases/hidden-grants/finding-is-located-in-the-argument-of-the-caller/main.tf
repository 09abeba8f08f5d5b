module "m" {
  source = "./m"
  statements = {
    read = { actions = ["s3:Get"], resources = ["*"] }
    pass = {
      actions   = ["iam:PassRole"]
      resources = ["*"]
    }
  }
}

module "m" {
  source = "./m"
  statements = {
    read = { actions = ["s3:Get"], resources = ["*"] }
    pass = { # passrole:skip=PASSROLE_001 known
      actions   = ["iam:PassRole"]
      resources = ["*"]
    }
  }
}

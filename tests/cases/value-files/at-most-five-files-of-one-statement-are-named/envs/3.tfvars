roles = ["*"]

roles = ["*"

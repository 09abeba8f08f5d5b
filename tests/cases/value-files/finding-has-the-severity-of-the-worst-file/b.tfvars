roles = ["*"]
services = ["*"]

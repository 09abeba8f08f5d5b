terraform { source = "../app" }
inputs = get_env()

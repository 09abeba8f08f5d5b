terraform { source = "../app" }
inputs = { role = "*" }

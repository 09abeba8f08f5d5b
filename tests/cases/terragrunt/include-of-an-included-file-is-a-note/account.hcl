inputs = { role = "*" }

terraform { source = "../missing" }

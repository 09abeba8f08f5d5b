terraform { source = get_env("SOURCE") }

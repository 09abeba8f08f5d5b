release_roles  = ["arn:aws:iam::111122223333:role/*"]
build_services = ["*.amazonaws.com"]
instance_count = 2

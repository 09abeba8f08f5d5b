instance_count = 9

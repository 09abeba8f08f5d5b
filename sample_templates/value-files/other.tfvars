cluster_name = "main"

terraform { source = "${get_repo_root()}/x" }

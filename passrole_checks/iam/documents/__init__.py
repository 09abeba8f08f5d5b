"""Policy documents: their JSON, their statements, the actions in them, and trust policies."""

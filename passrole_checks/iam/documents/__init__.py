"""Policy documents: their JSON, statements, actions, and trust policies."""

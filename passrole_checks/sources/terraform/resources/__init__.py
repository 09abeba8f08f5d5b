"""Values of references to resources and data sources, policy documents in particular."""

"""Values that may be unknown before deployment, the path conditions that they depend on, and their variants."""

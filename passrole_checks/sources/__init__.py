"""Read files into resources, policies, principals and roles. A source knows formats and never gives a verdict."""

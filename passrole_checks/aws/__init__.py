"""Facts about AWS as data files, and their loaders. NOTICE names the sources; ``tools.aws_facts`` writes the data."""

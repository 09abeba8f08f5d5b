"""Files of the scanned tree: discovery, access log, JSON and YAML with positions."""

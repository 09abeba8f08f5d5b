"""One function for each output format: a scan's result in, text out."""

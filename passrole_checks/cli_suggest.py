"""What ``suggest`` does, for the command line."""

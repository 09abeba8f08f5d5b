"""What ``review`` does, for the command line."""

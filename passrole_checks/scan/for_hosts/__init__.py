"""Results of scans for checkov and cfn-lint."""

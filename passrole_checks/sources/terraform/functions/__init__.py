"""Terraform's functions over partially known values, one module per family."""

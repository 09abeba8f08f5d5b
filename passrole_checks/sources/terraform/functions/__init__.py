"""Terraform's functions over values that may hold holes, one room a family."""

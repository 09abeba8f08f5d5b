"""Principals, roles and what passing a role gives: the access model of one configuration."""

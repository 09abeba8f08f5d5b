"""Find out which principal can pass which IAM role to which AWS service, and if that is more than it should be."""

__version__ = "0.1.0"

"""Who would be able to pass which IAM role to which AWS service, and is that more than it should be?"""

__version__ = "0.1.0"

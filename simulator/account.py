"""Whose AWS this is."""

REGION = "us-east-1"
ACCOUNT = "111122223333"  # the one of AWS's own examples

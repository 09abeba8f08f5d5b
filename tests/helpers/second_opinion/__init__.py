"""What both sides of the differential tests need: cases, what this package says of them, and what iam-simulate does."""

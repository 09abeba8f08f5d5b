"""The policy language: what a document lets through, decided from its meaning. The standard library only."""

"""The model that every source returns: resources, policies, attachments and role consumers."""

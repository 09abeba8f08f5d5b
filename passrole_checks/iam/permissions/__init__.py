"""All that one principal may do: every statement for any action and resource, and what follows from it."""

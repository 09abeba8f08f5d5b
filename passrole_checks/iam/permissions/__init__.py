"""All permissions of one principal: every statement, for any action and resource."""

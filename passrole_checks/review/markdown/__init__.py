"""What the bot writes, made from a report alone: markers, the summary, comments at lines. No network, no clock."""

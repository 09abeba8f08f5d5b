"""Comments of the bot, rendered from a report only: markers, the summary, line comments. No network, no clock."""

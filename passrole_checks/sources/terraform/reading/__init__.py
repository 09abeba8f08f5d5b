"""From files to a small syntax tree, by one of two readers, and around what is broken."""

"""The language server: findings in an editor. Only this package imports pygls and lsprotocol (extra ``lsp``)."""

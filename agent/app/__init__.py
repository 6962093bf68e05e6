"""The answer as an interactive page: a file for a browser, and an MCP App inside a chat."""

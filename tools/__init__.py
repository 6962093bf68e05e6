"""The specialists as MCP tools."""

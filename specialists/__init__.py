"""The models. Knows nothing of MCP, LangGraph or the agent."""

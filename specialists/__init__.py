"""The models. Knows nothing of MCP, LangGraph or the agent."""

from specialists.vision import watch as _watch

_watch()

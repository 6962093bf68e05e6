"""The steps and the edges, and nothing else.

intake → route → consult → (route) → compose → verify → (compose) → END
└── answer, clarify, refuse → END
"""

from __future__ import annotations

from typing import Any

from langgraph.graph import END, START, StateGraph

from agent.state import Consultation, State
from agent.steps.compose import compose
from agent.steps.consult import consult
from agent.steps.finish import finish
from agent.steps.intake import intake
from agent.steps.route import pending, route
from agent.steps.traced import traced
from agent.steps.verify import mend, verify

__all__ = ["build_graph"]


def build_graph(checkpointer: Any = None) -> Any:
    """Compile the graph; with a checkpointer, threads can be continued."""
    graph = StateGraph(State, context_schema=Consultation)
    graph.add_node("intake", traced("intake", intake))
    graph.add_node("route", traced("route", route))
    graph.add_node("consult", traced("consult", consult))
    graph.add_node("compose", traced("compose", compose))
    graph.add_node("verify", traced("verify", verify))
    graph.add_node("finish", traced("finish", finish))
    graph.add_edge(START, "intake")
    graph.add_edge("intake", "route")
    graph.add_conditional_edges("route", _after_route, ["consult", "compose", "finish"])
    graph.add_conditional_edges("consult", _after_consult, ["route", "compose"])
    graph.add_edge("compose", "verify")
    graph.add_conditional_edges("verify", _after_verify, ["compose", "finish"])
    graph.add_edge("finish", END)
    return graph.compile(checkpointer=checkpointer)


def _after_route(state: State) -> str:
    if pending(state):
        return "consult"
    return "compose" if state["plan"]["action"] == "call" else "finish"


def _after_consult(state: State) -> str:
    return "route" if state["more"] else "compose"


def _after_verify(state: State) -> str:
    return "compose" if mend(state) else "finish"

"""Ask the agent about a file, and read the answer as data.

Run: python examples/ask_about_a_film.py [FILE …]
"""

from __future__ import annotations

import sys
from pathlib import Path

from agent import Agent, Answer

FILM = Path(__file__).parents[1] / "tests" / "data" / "cxr" / "RG1_J2KI.dcm"


def main(files: list[Path], question: str = "Is there pneumonia?") -> Answer:
    """Ask, and print every statement with the evidence that it cites."""
    with Agent() as agent:
        answer = agent.ask(question, files)
    evidence = {one.id: one for one in answer.evidence}
    for statement in answer.statements:
        print(statement.text)
        for cited in statement.citations:
            print(f"    {cited}: {evidence[cited].tool} said: {evidence[cited].text}")
    return answer


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or [FILM])

"""Follow a consultation as it goes, and continue the conversation.

Run: python examples/follow_a_consultation.py
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from agent import Agent, Answer

DATA = Path(__file__).parents[1] / "tests" / "data"


async def main() -> list[Answer]:
    """Ask about a CT series, then ask on without naming the file again."""
    answers = []
    async with Agent() as agent:
        for question, files in (
            ("What does this CT show?", [DATA / "ct" / "series"]),
            ("How much bone is there?", []),
        ):
            async for event in agent.stream(question, files, thread="example"):
                if event.answer is None:
                    print(f"  {event.kind}: {event.text} {event.detail}")
                else:
                    answers.append(event.answer)
                    print(event.answer.statements[0].text)
    return answers


if __name__ == "__main__":
    asyncio.run(main())

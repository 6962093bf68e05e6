"""The server on loopback without callers, as the conformance suite needs it: it has no token.

`python -m tests.clients.open_server PORT FOLDER`
"""

from __future__ import annotations

import sys
from pathlib import Path

from agent.server import build_consulting_server
from agent.settings import Settings
from tests.clients.walk import DATA

if __name__ == "__main__":
    settings = Settings(roots=(DATA,), state_dir=Path(sys.argv[2]), gemma_embedded=False)
    build_consulting_server(settings).run(
        transport="http",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        show_banner=False,
        host_origin_protection="auto",
        uvicorn_config={"access_log": False},
    )

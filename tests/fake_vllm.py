"""A stand-in for vLLM's command: takes its words, and serves /health, /v1/models and MedGemma.

What it is to do wrong stands in FAKE_VLLM: `slow`, `dies` (before it is ready) or `ends` (a second
after), followed by ':' and the port that is meant.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time

from tests.medgemma import Handler, Standin


def main() -> None:
    taken = argparse.ArgumentParser()
    taken.add_argument("verb", choices=["serve"])
    taken.add_argument("model")
    for name in ("served-model-name", "max-model-len", "limit-mm-per-prompt", "dtype", "host",
                 "reasoning-parser", "quantization", "gpu-memory-utilization", "port"):  # fmt: skip
        taken.add_argument(f"--{name}")
    options = taken.parse_args()
    fault, _, port = os.environ.get("FAKE_VLLM", "").partition(":")
    fault = fault if port == options.port else ""
    if fault == "dies":
        sys.exit("torch.OutOfMemoryError: CUDA out of memory")
    if fault == "ends":
        threading.Timer(1.0, lambda: os._exit(7)).start()
    began = time.monotonic()

    class Ready(Handler):
        def do_GET(self) -> None:
            key = os.environ.get("VLLM_API_KEY")
            ready = fault != "slow" or time.monotonic() > began + 1
            refused = key and self.headers.get("Authorization") != f"Bearer {key}"
            health = self.path == "/health"
            self.send_response(503 if not ready else 401 if refused and not health else 200)
            name = options.served_model_name or options.model
            body = json.dumps(
                {"object": "list", "data": [{"id": name, "object": "model"}]}
            ).encode()
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    Standin(options.host, int(options.port), Ready).serve_forever()


if __name__ == "__main__":
    main()

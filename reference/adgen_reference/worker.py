"""A process that verifies files on request: one JSON object a line, in and out.

Started as ``python -m adgen_reference.worker``; torch and transformers are imported once.  Another
interpreter (another version of transformers) can be used for it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any


def serve() -> None:
    """Answer requests until standard input ends; prints of libraries go to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    import torch

    from . import hf, verify

    hf.quiet()
    torch.set_num_threads(1)
    for line in sys.stdin:
        request = json.loads(line)
        options = verify.Options(
            request.get("variants", "all"),
            frozenset(request.get("allow_plain", ())),
            request.get("bfloat16", False),
            request.get("export_all", False),
            request.get("embeds", True),
            request.get("adgen", ""),
        )
        try:
            report = asdict(verify.verify(request["file"], request["model_type"], options))
        except Exception as error:
            report = {
                "verdict": "unproved",
                "check": "verifier",
                "first_difference": f"{type(error).__name__}: {str(error)[:300]}",
            }
        answers.write(json.dumps(report) + "\n")
        answers.flush()


class Worker:
    """A worker process that is replaced when it dies or takes too long."""

    def __init__(self, python: str):
        self.python = python
        self.process: subprocess.Popen | None = None

    def _start(self) -> subprocess.Popen:
        root = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [self.python, "-m", "adgen_reference.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    def ask(self, request: dict[str, Any], timeout: float) -> dict[str, Any]:
        """The answer to a request; a report of its own if there is none in time (seconds)."""
        if self.process is None or self.process.poll() is not None:
            self.process = self._start()
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write((json.dumps(request) + "\n").encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            return self._lost("the verifier does not start")
        deadline, data = time.monotonic() + timeout, b""
        while not data.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return self._lost(f"no answer within {timeout:.0f} s")
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                return self._lost("the verifier died")
            data += chunk
        return json.loads(data)

    def _lost(self, message: str) -> dict[str, Any]:
        self.close()
        return {"verdict": "wrong", "check": "verifier", "first_difference": message}

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


if __name__ == "__main__":
    serve()

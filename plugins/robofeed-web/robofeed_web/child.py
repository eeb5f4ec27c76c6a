"""The server as a child of a training process: it ends when its standard input does."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import uvicorn

from robofeed import RobofeedError
from robofeed_web.config import WebConfig
from robofeed_web.server import serve


def main(run_dir: str, settings: str) -> int:
    """Serve `run_dir`; says its link, or what went wrong, as one line of JSON."""

    def begun(server: uvicorn.Server) -> None:
        def watch() -> None:
            sys.stdin.buffer.read()
            server.should_exit = True

        threading.Thread(target=watch, name="parent", daemon=True).start()

    try:
        config = WebConfig.model_validate_json(settings)
        serve(Path(run_dir), config, lambda url: _say({"url": url}), begun)
    except RobofeedError as error:
        _say({"error": str(error), "exit_code": error.exit_code})
        return error.exit_code
    return 0


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

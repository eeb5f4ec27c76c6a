"""A camera to test with: real MJPEG over loopback HTTP, whose picture the test chooses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from robofeed.data.observation import Picture
from robofeed.data.picture import as_jpeg

HEIGHT, WIDTH = 96, 128
PERIOD_S = 0.05


class WebCamera:
    """Serves pictures at 20 a second. `frozen`, `blind` and `gone` are what may befall one."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self.colour = (200, 60, 40)
        self.frozen = self.blind = self.gone = False
        self._latest = self._take()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if server.gone:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    while not server.gone:
                        self.wfile.write(server.part())
                        time.sleep(PERIOD_S)
                except OSError:
                    pass  # the camera's process has hung up

            def log_message(self, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def part(self) -> bytes:
        if not self.frozen:
            self._latest = self._take()
        jpeg = as_jpeg(self._latest)
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
        return head.encode() + jpeg + b"\r\n"

    def _take(self) -> Picture:
        noise = self._rng.normal(0, 3, (HEIGHT, WIDTH, 3))
        picture = np.full((HEIGHT, WIDTH, 3), 4.0) if self.blind else np.zeros((HEIGHT, WIDTH, 3))
        if not self.blind:
            picture[:, WIDTH // 2 :] = self.colour
        taken: Picture = (picture + noise).clip(0, 255).astype(np.uint8)
        return taken

    def close(self) -> None:
        self.gone = True
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def until(true: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait for something to become so; a busy machine takes its time."""
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.02)

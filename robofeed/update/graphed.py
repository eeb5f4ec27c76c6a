"""Runs a whole update n times: as CUDA graphs on a GPU, one by one elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import torch

WARM_UPDATES = 3
"""ordinary updates before a recording, which needs warm libraries and memory pools"""


class Repeated:
    """Calls `once` n times.

    On a GPU, `once` is recorded `per_graph` times into one CUDA graph, which is then launched as
    often as needed; so it must not synchronise with the host and must find all tensors in place.
    Whatever `once` decides on the host goes into `key`: another key, another recording. What does
    not fill a graph is done by a graph of one update.
    """

    def __init__(
        self,
        once: Callable[[], None],
        generators: Sequence[torch.Generator],
        device: torch.device,
        per_graph: int,
    ) -> None:
        self._once = once
        self._generators = generators
        self._device = device
        self._per_graph = per_graph
        self._warmed: Counter[Hashable] = Counter()
        self._graphs: dict[tuple[Hashable, int], torch.cuda.CUDAGraph] = {}

    def run(self, n: int, key: Hashable) -> None:
        """Call `once` n times."""
        if self._device.type == "cuda" and torch.cuda.is_available():
            self._launch(n, key)
        else:
            for _ in range(n):
                self._once()

    def _launch(self, n: int, key: Hashable) -> None:
        """Do n updates: long graphs as far as they go, then graphs of one."""
        warm = min(n, WARM_UPDATES - self._warmed[key])
        if warm:
            self._warm_up(warm)
            self._warmed[key] += warm
            n -= warm
        for size in (self._per_graph, 1):
            if n >= size:
                if (key, size) not in self._graphs:
                    self._graphs[key, size] = self._record(size)
                for _ in range(n // size):
                    self._graphs[key, size].replay()
                n %= size

    def _warm_up(self, count: int) -> None:
        """Call `once` on a stream of its own, as recording needs it before."""
        side = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(side):
            for _ in range(count):
                self._once()
        torch.cuda.current_stream(self._device).wait_stream(side)

    def _record(self, size: int) -> torch.cuda.CUDAGraph:
        """Record `size` updates; recording does none of them."""
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            for _ in range(size):
                self._once()
        return graph

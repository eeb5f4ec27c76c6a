"""Runs a whole update n times: as CUDA graphs on a GPU, one by one elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

import torch


class Repeated:
    """Calls `once` n times.

    On a GPU, `once` is recorded `per_graph` times into one CUDA graph, which is then launched as
    often as needed; so it must not synchronise with the host and must find all tensors in place.
    Whatever `once` decides on the host goes into `key`: another key, another recording.
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
        self._graphs: dict[Hashable, torch.cuda.CUDAGraph] = {}

    def run(self, n: int, key: Hashable) -> None:
        """Call `once` n times."""
        if self._device.type == "cuda" and torch.cuda.is_available():
            n = self._launch(n, key)
        for _ in range(n):
            self._once()

    def _launch(self, n: int, key: Hashable) -> int:
        """Launch as many whole graphs as fit into n updates; return how many are left over."""
        if n < self._per_graph:
            return n
        if key not in self._graphs:
            # a recording needs warm memory pools and libraries; these count as updates too
            warm = min(n, 3)
            self._warm_up(warm)
            n -= warm
            self._graphs[key] = self._record()
        for _ in range(n // self._per_graph):
            self._graphs[key].replay()
        return n % self._per_graph

    def _warm_up(self, count: int) -> None:
        """Call `once` on a stream of its own, as recording needs it before."""
        side = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(side):
            for _ in range(count):
                self._once()
        torch.cuda.current_stream(self._device).wait_stream(side)

    def _record(self) -> torch.cuda.CUDAGraph:
        """Record `per_graph` updates; recording does none of them."""
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            for _ in range(self._per_graph):
                self._once()
        return graph

"""An observer that writes the curves of a run where TensorBoard finds them.

Installed means active: every run then has a folder `tensorboard`. To see it:
`tensorboard --logdir runs`.
"""

from __future__ import annotations

from robofeed_tensorboard.observer import TensorBoardObserver

observer = TensorBoardObserver()
"""What the entry point names: one a process, which writes one run at a time."""

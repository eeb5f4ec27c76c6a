"""What a person is told before their first answer, and agrees to."""

from __future__ import annotations

VERSION = "2026-11"
"""Changes with the text: people are then asked again."""

TEXT = (
    "You are about to judge what a robot arm does. This is kept, in the folder of the run: each "
    "answer you give, which clips it was about and in which order you saw them, when they were "
    "shown and when you answered, the notes you write, and the pseudonym that came with your link. "
    "Not kept: your name, your network address, pictures or sound of you. The answers train reward "
    "models and policies, which stay as they are when answers are removed later. You may stop at "
    "any time, and have your answers and pseudonym removed or made anonymous by whoever runs this "
    "(`robofeed feedback forget`)."
)

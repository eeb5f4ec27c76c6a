"""What a person is told before they answer or steer for the first time, and agrees to."""

from __future__ import annotations

VERSION = "2026-11.3"
"""Changes with the text: people are then asked again."""

TEXT = (
    "You are about to judge what a robot arm does, or to steer it. This is kept, in the folder of "
    "the run: each answer you give, which clips it was about and in which order you saw them, when "
    "they were shown and when you answered, the notes you write, how you moved or stopped the arm, "
    "and your pseudonym. Where the arm has cameras, what they see while it moves is kept too: "
    "whoever stands before one is in its pictures. "
    "Not kept: your name, your network address, sound. What you give trains "
    "reward models and policies, which stay as they are when it is removed later. You may stop at "
    "any time, and have your answers and pseudonym removed or made anonymous by whoever runs this "
    "(`robofeed feedback forget`)."
)

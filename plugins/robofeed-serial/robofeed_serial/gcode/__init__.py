"""Arms that take G-code: the uArm Swift Pro, and those that speak grbl, such as the Mirobot.

They answer in text, mostly without a checksum, and queue moves. What is queued cannot be taken back
on a uArm, so there is never more than one move under way (`one_move`), and each is short.
"""

"""Learning: replay, reward model, SAC, behaviour cloning, checkpoints. Only here is torch imported.

Nothing is imported here, so that the configuration (`robofeed.update.config`) stays light.
"""

"""Corrections from a terminal: the verb `robofeed drive`."""

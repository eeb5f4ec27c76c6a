"""Arm files and golden frames as package data. Find them with `importlib.resources.files`."""

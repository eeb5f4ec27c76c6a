"""Simulation assets as package data. Find them with `importlib.resources.files`."""

"""Kinematics of serial arms and the reading of their models: shared by simulated and real ones."""

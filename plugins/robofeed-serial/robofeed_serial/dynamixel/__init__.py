"""Dynamixel servos of the X series, protocol 2.0: Koch v1.1, OpenManipulator-X, ViperX, WidowX."""

"""Dynamixel servos of the X series, protocol 2.0. There are arm files for Koch v1.1 and OMX."""

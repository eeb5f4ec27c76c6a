"""A serial port, whatever goes over it: bytes, time, and what goes wrong."""

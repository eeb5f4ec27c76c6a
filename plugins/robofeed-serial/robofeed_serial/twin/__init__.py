"""Arms made of software: real bytes on a pseudo-terminal, servos and motors behind them.

The servo side of each protocol is written here from the makers' tables and shares nothing with the
host side in `robofeed_serial.feetech` and `robofeed_serial.dynamixel`: two readings of a protocol
meet in the tests, and the makers' own libraries drive the twins as well.
"""

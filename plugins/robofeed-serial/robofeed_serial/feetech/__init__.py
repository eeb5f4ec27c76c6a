"""Feetech servos that speak STS: the STS3215 of SO-100 and SO-101."""

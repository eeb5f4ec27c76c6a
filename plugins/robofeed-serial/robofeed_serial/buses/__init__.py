"""Servos with registers behind one port, whatever their frames look like."""

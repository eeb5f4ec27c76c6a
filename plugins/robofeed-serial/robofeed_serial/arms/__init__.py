"""What an arm is: its file, its calibration. Data, and the units between ticks and radians."""

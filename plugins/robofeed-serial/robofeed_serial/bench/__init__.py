"""What a person does with an arm before it is driven: find, number, calibrate, test."""

"""Real arms over serial: link, buses, drivers, supervisor and twins."""

"""The space an arm takes up, and the ways it may go without touching itself or the table."""

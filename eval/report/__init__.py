"""The report: one HTML page of what was replayed, simulated and scored."""

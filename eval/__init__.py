"""Replay of logged sessions, metrics and their intervals."""

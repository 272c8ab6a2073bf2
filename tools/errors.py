"""What every error meant for a person derives from."""


class ShopError(Exception):
    """One sentence or two: the value, what was expected, and the remedy. The command line prints it without a traceback."""

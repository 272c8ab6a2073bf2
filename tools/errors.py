"""What every error meant for a person derives from."""


class ShopError(Exception):
    """The value, what was expected, and the remedy, in a sentence. The command line prints it without a traceback."""

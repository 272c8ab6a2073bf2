"""The agent: what a shopper says, what is done about it, what is remembered."""

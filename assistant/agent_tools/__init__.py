"""What the chat model can call, one file a group; `toolbox.py` lists them."""

"""The chat page: what stands on it (HTML made here), how it looks (``style/``), moves (``script/``) and speaks."""

"""The Gradio chat and the `shop` command."""

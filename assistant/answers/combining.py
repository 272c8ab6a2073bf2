"""What is combined in an outfit, and how it is known to go together."""

from __future__ import annotations

from shopping_assistant.assistant.answers.wording import listed, plural


def combined(content: dict) -> str:
    """The kinds of an outfit around a product, in the order shown."""
    title = content["goes_with"]["title"].split(" in ")[0].strip()
    if not content["products"]:
        return f"I found nothing that goes with {title} within your wishes."
    kinds = listed([plural(kind) for kind in content["kinds"]])
    if content["learned"]:
        return f"To wear with {title}: {kinds}, which shoppers here bought together."
    usual = "This shop's log says too little of what is bought together, so I go by the usual order."
    return f"To wear with {title}: {kinds}. {usual}"

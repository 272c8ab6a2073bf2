"""Ways to speak of one's bag beside the plain ones ("add it to my bag"), by their form."""

from __future__ import annotations

import re
from collections.abc import Collection

_BAG = r"(?:(?:my|the|our|that)\s+(?:shopping\s+)?(?:bag|basket|cart|trolley))\b"
_CLOSING = r"(?:\W+(?:too|as well|also|please|then|now|thanks|cheers|with (?:it|that|them)))*\W*$"
_PLACE = r"(?:the\s+)?(?:first|second|third|fourth|fifth|sixth|last|top|cheapest|number\s+\w+|no\.?\s*\d+|#\s*\d+)"
# "The fourth one, into the bag": where it goes stands at the end.
_GOES_IN = re.compile(rf"\b(?:in|into|to)\s+{_BAG}(?:\s+with\s+(?:it|that|them))?{_CLOSING}")
_GOES_IN_BAG = re.compile(
    r"\b(?:one|it|that|this|them|both|first|second|third|fourth|fifth|last|cheapest|\d+) (?:in|into|to) "
    rf"(?:bag|basket|cart){_CLOSING}"
)
# "Chuck the first one in too", "put it in": no bag is named, and nothing else can be meant by "in".
_IN = re.compile(
    r"\b(?:put|chuck|pop|stick|throw|toss|slip|drop|add|bung)\s+"
    r"(?:it|that|this|them|those|these|both|(?:the|number)\s[\w ]{1,25}?)"
    rf"\s+in{_CLOSING}"
)
_ADD_NUMBER = re.compile(rf"^\W*(?:\w+\W+){{0,2}}(?:add|bag)\s+(?:me\s+)?{_PLACE}\b")
_OUT = re.compile(
    r"\btake\s+out\s+(?:the|that|my)\b|\btake\s+(?:the|that|my)\s[\w ]{1,25}?\s+(?:back\s+)?out\b"
    rf"|\b(?:get\s+rid\s+of|ditch|lose|remove|bin)\s+{_PLACE}\b"
)
_ASKS_OF_BAG = re.compile(
    rf"\b(?:what|what's|whats|how|is|are|anything|something|show|see|shw|check)\b.*{_BAG}"
    r"|\bwhat(?:'s|s|\s+have|\s+did)?\s+(?:i|we)\s+(?:got|put|picked|chosen|taken|have)\b.*\b(?:in\s+there|so\s+far|in\s+it)\b"
    r"|\b(?:what|how\s+much)\s+(?:did|have)\s+i\s+spen[dt]\b|\bhow\s+much\b[\w' ]*\b(?:together|all\s+in\s+all)\W*$"
    r"|\b(?:what|how\s+much)\s+(?:do|will|would)\s+(?:i|we|that|it|this|they)\s+(?:owe|pay)\b"
    r"|\b(?:what|how\s+much)\s+(?:does|do|will|would)\s+(?:it|that|this|they|everything)\s+(?:all\s+)?(?:come\s+to|add\s+up\s+to)\b"
    r"|^\W*(?:and\s+)?(?:what(?:'s|s|\s+is)\s+)?(?:the\s+|my\s+)?(?:grand\s+|whole\s+)?total(?:\s+(?:now|so\s+far|please))?\W*$"
)
_CHANGES_BAG = re.compile(r"\b(?:add|put|pop|stick|chuck|remove|take|clear|delete|drop)\b|^\W*empty\b")


def bag_act(text: str, in_chat: bool, asked: Collection[str] = ()) -> str | None:
    """What a sentence does with the bag, when none of the plain forms says so.

    Args:
        text: the sentence, in lower case.
        in_chat: something was shown already.
        asked: attributes asked about; "what is the one in my bag made of?" asks about a product.
    """
    if _OUT.search(text) and in_chat:
        return "remove_from_bag"
    if _ASKS_OF_BAG.search(text) and not _CHANGES_BAG.search(text) and set(asked) <= {"price"}:
        return "show_bag"
    if not in_chat or text.rstrip().endswith("?"):
        return None
    if _ADD_NUMBER.search(text) or _IN.search(text):
        return "add_to_bag"
    return "add_to_bag" if _GOES_IN.search(text) or _GOES_IN_BAG.search(text) else None

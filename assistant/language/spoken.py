"""What is typed as it is spoken: "u" for "you", and figures that the shopper corrects while typing."""

from __future__ import annotations

import re

_SHORT = {
    "u": "you", "ur": "your", "ya": "you", "gimme": "give me", "lemme": "let me", "wanna": "want to",
    "gotta": "have to", "dya": "do you", "d'you": "do you", "hv": "have", "whats": "what's", "hows": "how's",
}  # fmt: skip
_SHORT_WORD = re.compile(rf"(?<![\w'-])(?:{'|'.join(_SHORT)})(?![\w'-])", re.I)
# "Up to 200... no 250", "size 38, sorry, 39": the second figure is what is meant.
_CORRECTED = re.compile(
    r"(?P<first>\d+)(?P<unit>\s*(?:euros?|eur|€|\$|£|quid|pounds?|dollars?))?\W{1,5}"
    r"(?:(?:no|sorry|wait|er+|um+|hm+|actually|rather|i mean|i meant|or rather|make (?:it|that)|let'?s say|better)\W+)+"
    r"(?:(?:make (?:it|that)|up to|size|a)\s+)*[€$£]?(?P<second>\d+)\b",
    re.I,
)


def as_written(text: str) -> str:
    """The sentence with short forms written out and each corrected figure in the place of the one it corrects."""
    text = _SHORT_WORD.sub(lambda m: _SHORT[m[0].lower()], text)
    return _CORRECTED.sub(lambda m: m["second"] + (m["unit"] or ""), text)


__all__ = ["as_written"]

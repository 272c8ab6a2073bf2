"""Ways to speak of what is kept for later, by their form: put on the list, taken off, looked at, moved to the bag."""

from __future__ import annotations

import re

KEEP, DROP, SHOW, TO_BAG, FROM_BAG = "keep", "drop", "show", "to_bag", "from_bag"

# The list by its names. "Favourites" and a plain "list" are only one's own: "what is your favourite?" asks for advice.
_LIST = (
    r"(?:(?:(?:my|the|your|our|a)\s+)?(?:wish ?-?lists?|bookmarks|short ?-?list"
    r"|saved (?:items?|things?|products?|pieces?|ones?|list|stuff|for later)|list of saved \w+)"
    r"|(?:my|our)\s+(?:saved\s+)?(?:favou?rites(?: list)?|favou?rite list|faves|list|saves)\b)"
)
_BAG = r"(?:(?:my|the|our|that)\s+(?:shopping\s+)?(?:bag|basket|cart|trolley))"
# What can be pointed at between the verb and the rest.
_THING = (
    r"(?:it|this|that|these|those|them|both|everything|all(?: of (?:it|them|these|those))?|number\s+\w+|no\.?\s*\d+"
    r"|#\s*\d+|(?:the|that|this|those|these|all|my|another)\s[\w -]{1,40}?)"
)
_SAVED_BY_ME = (
    r"(?:i|we)(?:'ve| have|'d| had)? (?:already |just )?(?:saved|kept|bookmarked|favou?rited|(?:put|set) aside)\b"
)
_NAMED = re.compile(rf"\b{_LIST}|\b{_SAVED_BY_ME}")
_OUT_OF_BAG = re.compile(rf"\b(?:from|out of|off) {_BAG}\b.*\b(?:to|on|onto|into|in) {_LIST}")
_INTO_BAG = re.compile(
    rf"\b(?:move|put|add|transfer|get|take|stick|pop)\b.*\b{_LIST}.*\b(?:to|in|into) {_BAG}"
    rf"|\b(?:move|transfer)\s+{_THING}\s+(?:over\s+)?(?:to|in|into) {_BAG}"
    r"|\b(?:buy|take|order|get)\s+(?:all\s+)?(?:of\s+)?(?:the ones?|what|everything|all|those|the \w+)\s+(?:that\s+)?"
    rf"{_SAVED_BY_ME}"
    rf"|\b(?:put|add|move)\b.*\b{_SAVED_BY_ME}.*\b(?:to|in|into) {_BAG}"
)
_OFF_LIST = re.compile(
    r"\b(?:remove|delete|take|drop|get rid of|cross|scratch|strike|kick|throw|toss)\b.*\b(?:from|off|off of|out of) "
    rf"{_LIST}"
    rf"|\b(?:remove|delete|get rid of)\b.*\b(?:in|on) {_LIST}"
    rf"|\b(?:clear|empty|delete|wipe|reset)\s+(?:out\s+)?(?:all\s+)?(?:of\s+)?{_LIST}"
    rf"|\b(?:un-?save|un-?bookmark|un-?favou?rite|un-?heart)\b"
    r"|\b(?:don'?t|do not|no longer) (?:want|need) (?:to )?(?:save|keep|bookmark) (?:it|this|that|them|the \w+)\b"
    rf"|\b(?:don'?t|do not|no longer) (?:want|need) {_THING}\s+(?:\w+\s+)?(?:saved|on {_LIST}|in {_LIST})"
)
_LOOKS = re.compile(
    r"\b(?:show|see|view|open|check|display|look at|go to|go through|list|bring up|pull up|what'?s|what is|what|which"
    r"|anything|something|how many|where'?s|where (?:is|are)|back to|any|do (?:you|i) have|is there|got)\b"
    rf".*\b{_LIST}"
    r"|\b(?:what|which|show|see|everything|anything|the (?:ones|things|items|pieces|products))\b.*"
    rf"\b(?:{_SAVED_BY_ME}|(?:have|did) i (?:already |just )?(?:saved?|bookmark(?:ed)?|kept|keep))\b"
    r"|\bhave i (?:saved|bookmarked|kept)\b"
    rf"|^\W*(?:and\s+)?(?:{_LIST}|favou?rites|saved)(?:\s+please)?\W*$"
)
_POLITE = (
    r"(?:(?:and|then|so|ok(?:ay)?|please|also|can you|could you|would you|will you|let'?s|let me|i'?d like to|i want to"
    r"|i'?ll|just|maybe|yes|oh|hm+)\W+)*"
)
_ASIDE = r"(?:for (?:later|me|now|another (?:day|time)|next (?:time|week))|in mind|aside|to one side|on the side)"
_ON_LIST = re.compile(
    rf"\b(?:add|put|place|pop|stick|get|want|need|have|include|write|throw|also)\b.*\b(?:to|on|in|onto|into) {_LIST}"
    rf"|\b(?:add|put|place|pop|stick)\s+{_THING}\s+(?:to|on|onto) the list\b"
    rf"|^\W*{_POLITE}(?:save|bookmark|heart|favou?rite|pin|star|shortlist)\s+{_THING}\b"
    r"|\b(?:save|bookmark)\s+(?:it|this|that|these|those|them|both|all of|number|the [\w ]{1,30}?(?:one|ones|pair|two"
    r"|three|first|second|third|fourth|fifth|last))\b"
    rf"|\b(?:keep|save|remember|hold|note|put|set|lay|leave|park|reserve|mark)\s+(?:me\s+)?{_THING}\s+{_ASIDE}\b"
    rf"|\bnote\s+{_THING}\s+down\b|\bdon'?t let me forget {_THING}\W*(?:please\W*)?$"
    r"|^\W*(?:the|number|that|this|both|first|second|third|fourth|fifth|last|it|those|these)\b.*"
    rf"\b(?:to|on|in|onto|into) {_LIST}\W*(?:please\W*)?$"
)
# "What did you put on my list?" looks, whatever else it says.
_ASKS = re.compile(r"^\W*(?:what|which|show|where|how many)\b")


def saving(text: str) -> str:
    """What a clause (lower case) does with what is kept for later: one of the five above; "" where it does nothing."""
    if _OUT_OF_BAG.search(text):
        return FROM_BAG
    if _INTO_BAG.search(text):
        return TO_BAG
    if _OFF_LIST.search(text):
        return DROP
    if _ON_LIST.search(text) and not _ASKS.search(text):
        return KEEP
    return SHOW if _LOOKS.search(text) else ""


def names_the_list(text: str) -> bool:
    """Whether what is pointed at stands on the list: "the first from my wish list"."""
    return bool(_NAMED.search(text))


def without_the_list(text: str) -> str:
    """The clause without the words that name the list, every other character where it was."""
    return _NAMED.sub(lambda m: " " * len(m[0]), text)

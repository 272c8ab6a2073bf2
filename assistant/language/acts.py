"""Which act a sentence is: read from its form, from what it names, and from where the conversation stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shopping_assistant.assistant.language.references import Reference

# Acts that look for products, that point at known ones, and that state no wish.
SEARCHING = ("search", "refine", "undo", "recommend", "similar", "other")
POINTING = (
    "ask",
    "compare",
    "similar",
    "add_to_bag",
    "remove_from_bag",
    "explain",
    "disambiguate",
    "save",
    "size_advice",
    "outfit",
)
SILENT = (
    "ask",
    "compare",
    "add_to_bag",
    "remove_from_bag",
    "show_bag",
    "explain",
    "disambiguate",
    "save",
    "size_advice",
    "greet",
    "thanks",
    "help",
    "reset",
)

_BAG = r"(?:bag|cart|basket|trolley|order)"
_ADD = re.compile(
    rf"\b(?:add|put|throw|toss|place|stick|pop|include)\b.*\b(?:(?:in|into|to|on)\s+(?:my|the|that"
    rf"|our)?\s*(?:shopping\s+)?{_BAG}s?\b|to it\b)"
    r"|\bi(?:'ll| will|'d like to| would like to| want to| think i'll| wanna| am going to|'m going to)\s+(?:just\s+"
    r"|also\s+)*(?:take|buy|purchase|get|order|have)\b(?! to\b)(?!.*\binto (?:consideration|account)\b)"
    r"|^(?:ok(?:ay)?,?\s+|yes,?\s+|great,?\s+|please\s+|perfect,?\s+)*(?:buy|order|purchase|take)\s+(?:it|this|that"
    r"|these|those|them|the|both|one)\b"
    r"|\b(?:go ahead and|please)\s+(?:get|grab|buy|order)\s+(?:me\s+)?(?:it|this|that|these|those|them|the|both|one"
    r"|another)\b"
    r"|(?<!should )(?<!would )(?<!can )(?<!do )(?<!if )\bi take\b|\b(?:i'll|i will)\s+(?:also\s+)?(?:take|go (?:with"
    r"|for))\b"
    r"|\badd\s+(?:the|it|this|that|those|these|them|both|another|one|two|a)\b(?!.*\b(?:filter|condition|colou?r)\b)"
    r"|\b(?:also|please|can you|could you|will you|would you)\s+(?:also\s+)?add\b"
)
# Said of information as often as of goods: only when nothing is asked for.
_MAYBE_ADD = re.compile(
    r"\b(?:let me|let's|let us|can i|could i|may i|i can)\s+(?:just\s+|also\s+)?(?:got|get|buy|take|have|purchase"
    r"|order)\s+(?!you\b|a\b|an\b|some\b|one last|more info)"
    r"|\b(?:give|get|grab) me (?:another|that|this|those|these|the|both|one of|two of)\b|\bi(?:'ll| will) have (?:the"
    r"|that|this|those|both|it)\b|\bi(?: do| just)?(?: really)? want (?:to get )?(?:the|those|these|both|that|this)\b"
    r"(?! (?:same|cheapest|most|other|brand|price))"
)
# After a bag addition: "and the dress too".
_AND_THAT = re.compile(r"^\s*(?:and|also|plus|oh and)\b.*\b(?:the|that|this|these|those|both)\b")
_INDEFINITE = re.compile(r"\b(?:buy|get|purchase|order|have|take)\s+(?:a|an|some|new|any)\s+(?!of\b|one\b)")
_REMOVE = re.compile(
    rf"\b(?:remove|take|delete|drop|throw|get rid of|toss|kick)\b.*\b(?:from|out of|off)\s+(?:my"
    rf"|the)?\s*(?:shopping\s+)?{_BAG}\b"
    rf"|\bempty\s+(?:my|the)\s+{_BAG}\b|\b(?:remove|delete)\s+(?:it|that|this|them|those|these|the (?:first|second"
    rf"|third|last|fourth|fifth))\b"
)
_SHOW_BAG = re.compile(
    r"\b(?:my|the) total\b|\bhow much (?:do i owe|altogether|is everything|in total|is it all)\b|\bin total\b|"
    rf"\b(?:what(?:'s| is| do i have| have i got)?|show|see|view|open|check|list|look at|how many"
    rf"|how much is)\b.*\b(?:my|the)\s+(?:shopping\s+)?{_BAG}\b|^(?:my\s+)?(?:bag|cart|basket)\??$|^(?:(?:i am"
    rf"|i'm) ready to |(?:let's|let me|i want to|please|go to|proceed to) )*check ?out[\s.!]*$"
)
_SAVE = re.compile(
    r"\b(?:save|bookmark|remember|keep)\s+(?:it|this|that|these|those|them|the)\b|\b(?:wish ?list|favou?rites)\b"
    r"|\bfor later\b"
)
_RESET = re.compile(
    r"\b(?:start (?:over|again|afresh|from scratch|fresh)|new search|reset|clear (?:everything|all|the filters?"
    r"|my filters?)|forget (?:everything|it all|all (?:of )?that|all)|begin again|from the beginning"
    r"|scratch everything)\b"
)
UNDO_LAST = re.compile(
    r"^\s*(?:please\s+)?(?:undo|go back|take (?:that|it) back|scratch that|revert|undo that|cancel that|as before"
    r"|never ?mind(?: that)?|forget (?:that|it))(?:\s+please)?\s*[.!]*\s*$"
)
FORGET = re.compile(
    r"\b(?:forget|never ?mind|ignore|disregard|drop|lift|scratch|skip|remove|undo|don'?t worry about|no longer need"
    r"|take back|get rid of)\s+(?:about\s+)?(?:the|that|my"
    r"|what i said about)?\s*(?P<what>[\w' -]{3,40}?)(?=\s*(?:limit|filter|requirement|restriction|constraint|thing"
    r"|part)?\s*(?:[,.;!?]|$|\b(?:and|but|please|show)\b))"
    r"|\bany\s+(?P<what2>[\w -]{3,20}?)\s+(?:is|are|will|would|works?|goes)\b"
    r"|\b(?:(?:the|its)\s+)?(?P<what3>[\w -]{3,20}?)\s+(?:does ?n[o']?t matter|do ?n[o']?t matter|is(?: not"
    r"|n't) important|is irrelevant|no longer matters)\b"
)
DO_NOT_MIND = re.compile(r"\b(?:don'?t mind|do not mind|ok(?:ay)? with|fine with)\s+(?:a |the |some )?$")
_GREET = re.compile(
    r"^\s*(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day))(?:\s+(?:there|again|everyone"
    r"|all))?[\s,.!?]*(?:how are you(?: doing)?(?: today)?[\s?!.]*)?$"
)
_THANKS = re.compile(
    r"^\s*(?:(?:ok(?:ay)?|great|perfect|awesome|wonderful|cool|no|nope|good),?\s+)*(?:that'?s (?:all|it"
    r"|everything)[\s,.!]*(?:for (?:now|today))?|(?:many\s+)?thank(?:s| you)(?: so much| very much| a lot"
    r"| for (?:your|the|all).*)?|cheers|bye|goodbye|see you|have a (?:nice|good|great).*)[\s,.!]*(?:(?:bye|goodbye"
    r"|thank(?:s| you)|that'?s all|that'?s it|for (?:your|the|all) .*|see you.*)[\s,.!]*)*$"
)
_HELP = re.compile(
    r"^\s*(?:help|please help|help me)[\s.!?]*$|\bwhat can you do\b|\bhow (?:does (?:this|it) work|do i use"
    r"|can you help)\b|\bwho are you\b|\bwhat are you\b|\bare you (?:a |an )?(?:bot|human|robot|real|ai)\b"
)
_EXPLAIN = re.compile(
    r"\bwhy\b(?!\s+(?:not|don't)\b).*\b(?:recommend|suggest|show|pick|chose|choose|this|these|that|those|it|them"
    r"|first|second|one)\b|\bexplain\b|\bhow did you (?:choose|pick|find)\b"
)
_OUTFIT = re.compile(
    r"\b(?:what|which) (?:\w+ ){1,2}?(?:goes?|would go|could go|fits?|match(?:es)?) (?:well |best )?with\b|"
    r"\b(?:complete|finish|build|create|put together|make)\s+(?:me\s+)?(?:the|an|my|this|a)\s+(?:whole\s+)?(?:look"
    r"|outfit)\b|\bwhat (?:else )?(?:would|could|should|can|do|does)?\s*(?:i )?(?:goes?|wear|combine|pair"
    r"|match)\b.*\bwith\b|\bwhat goes (?:well )?with\b|\bto (?:go|wear) with (?:it|this|that|them|these|those|the)\b"
    r"|\bmatching (?:accessories|items|pieces)\b"
)
_SIZE_ADVICE = re.compile(
    r"\b(?:which|what) size (?:should|would|do) (?:i|you)\b(?!.*\b(?:have|carry|stock)\b)|\b(?:run|runs|fit"
    r"|fits) (?:small|large|big|true)\b|\bwill (?:it|this|that|they|these) fit\b|\bsize advice\b|\bwhat'?s my size\b"
    r"|\bwhich size is (?:right|best)\b"
)
_COMPARE = re.compile(
    r"\bcompar(?:e|es|ed|ing|ison)\b|\bdifferen(?:ce|ces|t sizes? that)\b|\bversus\b|\bvs\b|\bwhich (?:one "
    r"|of (?:them|these|those|the two) )?(?:is|are|would be|has|have|do|does)\b.*\b(?:cheaper|better|best|more|less"
    r"|cheapest|nicer|kinder|higher|lower|highest|lowest|happiest)\b|\bhow (?:do|does) .*\b(?:differ|stack up"
    r"|measure up)\b|\bdiffer\b"
)
_SIMILAR = re.compile(
    r"\bsimilar\b|\b(?:something|anything|one|ones|stuff|things?|else|other\w*|more|items?|products?|styles?"
    r"|\w+s) (?:more )?like (?:the|that|this|these|those|it|them)\b|\bmore like (?:this|that|it|these|those)\b"
    r"|\bthat (?:is|are) like\b|\bresembl|\bcomparable\b|\balong (?:the|those) lines\b"
    r"|\b(?:the )?same (?:\w+ ){0,4}?(?:as|like)\b|\bin the same (?:\w+ )?(?:style|brand|price|color|colour|size"
    r"|pattern)\b|\bsame (?:price|brand|company|size|color|pattern|style)\b|\bcloser? (?:in|to) (?:price|the (?:one"
    r"|first|second))\b|\bclose to (?:the|it|that|this)\b|\bin (?:that|those) (?:sizes?|colou?rs?|brands?"
    r"|patterns?)\b|\bsame sizes\b|\bmatch(?:es|ing)? (?:the|that|those|these) (?:brand|price|size|color|rating)\b"
)
_LIKE_IT = re.compile(
    r"(?<!\bi )(?<!would )(?<!'d )(?<!looks )(?<!look )(?<!you )(?<!customers )\blike (?:the|that|this|it|those"
    r"|these)\b"
)
_ADVICE = re.compile(
    r"\b(?:recommend(?:ation|ations|ed)?|suggest(?:ion|ions)?|surprise me|inspire me|any ideas?|pick (?:something|one"
    r"|some) for me|what (?:would|should|might|could|do you think) i (?:like|love|buy|get|wear|want|enjoy)"
    r"|what (?:would|do) you (?:pick|choose|think)|best for me|for my taste|what's (?:new|hot|trending)"
    r"|what do you have for me)\b"
)
_FOR_ME = re.compile(r"\bfor me\b|\bmy (?:taste|style|wardrobe|closet)\b|\bbased on\b")
_QUESTION = re.compile(
    r"\b(?:what|what's|whats|which|how much|how many|how expensive|who|who's|tell me|do you know|know (?:the|what|how"
    r"|if)|is (?:it|that|this|the|there)|are (?:they|these|those|the)|does (?:it|that|this|the)|do (?:they|these"
    r"|those|the|you other)|"
    r"can i (?:get|hear|know|see|have) (?:the|their|its|more)|could i (?:get|hear|know|have)|give me (?:the|its|their"
    r"|some)|get the|want the|need the|need to know|see the|read the|check the|about the|curious|can you (?:share"
    r"|give|get))\b|\?"
)
_LOOKING = re.compile(
    r"\b(?:show me|find me|find|looking for|look for|i need|i want|i'd like|i would like|do you (?:have|sell|carry)"
    r"|have you got|got any|are there|is there|any|in the market for|pull up|let me see|let's see|i'm after|searching"
    r"|search for|browse|see (?:some|your|what|any)|help me)\b"
)
_LOOKING_FOR = re.compile(r"\b(?:show me|find me|looking for|do you have any|have you got any|could you show)\b")
_YES_NO = re.compile(r"\b(?:is|are|does|do|has|have|can|comes?)\s+(?:it|this|that|they|these|those|the)\b")
_MORE = re.compile(
    r"\b(?:else|other|others|another|more (?:options?|choices?|of (?:them|those|these))|different|instead|only|narrow"
    r"|refine|rather|as well|too|alternatives?)\b|^\s*more\s*[.!?]*$|\bshow me more\b"
)
_MORE_ONLY = re.compile(r"\b(?:else|others?|more options?|next|alternatives?|whatever)\b")
_BARE = re.compile(
    r"^\s*(?:(?:and|what about|how about|oh|sorry|yes|yeah|um|well|ok|okay|no|actually|i mean|i meant"
    r"|i am talking about|i'm talking about"
    r"|i'm referring to|i am referring to|that would be|it'?s|by that i mean|i was talking about"
    r"|i'm asking about)[\s,.]*)*(?:the|both|that|this|those|these|them)\b(?!\s+(?:is|are|was|were|looks?|sounds?)\b)"
)
_MEANT = re.compile(
    r"\bi(?:'m| am)?\s+(?:mean|meant|referring to|talking about|asking about|looking at the)\b|\bby that i mean\b"
)
# Nothing of what is shown will do: other products are wanted.
DISLIKED = re.compile(
    r"\b(?:do ?n'?o?t|did ?n'?o?t) (?:really )?(?:like|love|want) (?:any|them|these|those|it)\b|\bnone of (?:these"
    r"|them|those)\b"
    r"|\bnot what i\b|\bdon'?t like\s*[.!]*$|\b(?:something|anything) (?:else|different)\b"
)
SINGULAR = re.compile(
    r"\b(?:it|one|this|that)\b(?!\s+(?:of|and))|\bthe (?:first|second|third|fourth|fifth|sixth|last|cheapest"
    r"|most expensive)\b(?!\s+(?:two|three|four|few))"
)


@dataclass(frozen=True)
class Seen:
    """What was read in a sentence, for `classify`."""

    text: str
    asked: tuple[str, ...]
    reference: Reference
    categories: tuple[str, ...]
    said_values: bool
    forgot: tuple[str, ...]
    in_chat: bool
    last_act: str


def wants_advice(text: str) -> bool:
    return bool(_ADVICE.search(text))


def extends(text: str) -> bool:
    """Whether new values join the old ones ("also in navy")."""
    return bool(re.search(r"\b(?:also|as well|too)\b", text)) and not re.search(r"\btoo \w+", text)


def wants_more(text: str) -> bool:
    """Whether products not seen yet are asked for: "any others?", "show me more"."""
    return bool(DISLIKED.search(text)) or bool(
        re.search(
            r"\b(?:anything|something|what|any(?:one)?|nothing) else\b|\bothers?\b|\bmore (?:options?|choices?"
            r"|of (?:them|those|these))\b|\balternatives\b|\bshow me more\b|\bnext (?:page|ones)\b|^\s*more\s*[.!?]*$",
            text,
        )
    )


def is_singular(text: str) -> bool:
    """Whether one product is pointed at."""
    return bool(SINGULAR.search(text)) and not re.search(r"\b(?:ones|both|them|those|these|all|and)\b", text)


def classify(s: Seen, current_categories: Sequence[str], has_words: bool) -> str:
    """The act of a sentence, one of DESIGN's list."""
    t = s.text
    for pattern, act in ((_GREET, "greet"), (_THANKS, "thanks"), (_HELP, "help")):
        if pattern.search(t):
            return act
    if _RESET.search(t):
        return "reset"
    about_bag = _bag_act(s)
    if about_bag:
        return about_bag
    if s.forgot and not (set(s.categories) - set(current_categories)):
        return "undo"
    pointed = bool(s.reference.targets or s.reference.vague or s.reference.described)
    for pattern, act in ((_SIZE_ADVICE, "size_advice"), (_OUTFIT, "outfit")):
        if pattern.search(t):
            return act
    if s.in_chat and _EXPLAIN.search(t):
        return "explain"
    if _SAVE.search(t) and not s.categories:
        return "save"
    like = _SIMILAR.search(t) or (_LOOKING.search(t) and _LIKE_IT.search(t))
    if like and (pointed or s.in_chat):
        return "similar"
    if _COMPARE.search(t):
        return "compare"
    if _is_question(s, pointed):
        # Asked of two things at once it is a comparison.
        return "compare" if s.reference.groups > 1 and s.asked else "ask"
    if s.in_chat and pointed and (_MEANT.search(t) or (_BARE.search(t) and not _LOOKING.search(t))):
        return "disambiguate"
    return _looking(s, current_categories, has_words)


def _bag_act(s: Seen) -> str | None:
    t = s.text
    if _REMOVE.search(t):
        return "remove_from_bag"
    pointed = bool(s.reference.targets or s.reference.described or s.reference.vague)
    after_bag = s.last_act in ("add_to_bag", "remove_from_bag") and pointed and not s.asked
    if after_bag and (_AND_THAT.search(t) or re.search(r"\binstead\b", t)) and not _LOOKING_FOR.search(t):
        return "add_to_bag"
    wanted = _MAYBE_ADD.search(t) and not s.asked and (pointed or not re.search(r"\bwant\b", t))
    if _ADD.search(t) or wanted:
        # "I'd like to buy a dress" is after any dress.
        looks = s.categories and _INDEFINITE.search(t) and not s.reference.described
        return None if looks or (s.categories and _LOOKING_FOR.search(t)) else "add_to_bag"
    return "show_bag" if _SHOW_BAG.search(t) else None


def _is_question(s: Seen, pointed: bool) -> bool:
    """Asks about products on the table. "Do you have blouses with good reviews?" names a rating and asks for none."""
    if not (s.in_chat or pointed) or not _QUESTION.search(s.text):
        return False
    looks = _LOOKING.search(s.text) and re.search(
        r"\b(?:any(?:thing)?|something|options?|some|items?|things?|ones|anyone)\b", s.text
    )
    if looks and not pointed:
        return False
    if re.search(r"\bhow (?:expensive|cheap|much)\b", s.text) and s.in_chat:
        return True
    if s.asked and not (_LOOKING.search(s.text) and s.categories and not s.reference.described):
        return bool(
            pointed
            or not s.said_values
            or re.search(r"\bhow much\b|\bwhat (?:size|brand|colou?r|material|price)", s.text)
        )
    return bool(_YES_NO.search(s.text) and (pointed or s.reference.targets) and not _LOOKING.search(s.text))


def _looking(s: Seen, current_categories: Sequence[str], has_words: bool) -> str:
    new_category = bool(s.categories) and not set(s.categories) <= set(current_categories)
    if _ADVICE.search(s.text) and not s.categories:
        return "recommend" if _FOR_ME.search(s.text) or not (s.in_chat and _MORE_ONLY.search(s.text)) else "refine"
    if new_category:
        return "search"
    if s.categories:
        return "refine" if s.in_chat and _MORE.search(s.text) else "search"
    if s.said_values:
        return "refine" if s.in_chat else "search"
    if s.in_chat and (_MORE.search(s.text) or DISLIKED.search(s.text)):
        return "refine"
    if has_words:
        return "refine" if s.in_chat and not _LOOKING.search(s.text) else "search"
    return "refine" if s.in_chat and _LOOKING.search(s.text) else "other"

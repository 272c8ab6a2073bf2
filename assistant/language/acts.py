"""Which act a clause is: by its form (`act_forms`), by what it names, and by where the conversation stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shopping_assistant.assistant.language import act_forms as forms
from shopping_assistant.assistant.language.bag_forms import bag_act
from shopping_assistant.assistant.language.questioned import quality_asked
from shopping_assistant.assistant.language.references import Reference
from shopping_assistant.assistant.language.saving_forms import DROP, TO_BAG, saving

# Acts that look for products, that point at known ones, and that state no wish.
SEARCHING = ("search", "refine", "undo", "recommend", "similar", "other")
POINTING = (
    "ask", "compare", "similar", "add_to_bag", "remove_from_bag", "explain", "disambiguate", "save", "size_advice",
    "outfit",
)  # fmt: skip
SILENT = (
    "ask", "compare", "add_to_bag", "remove_from_bag", "show_bag", "explain", "disambiguate", "save", "size_advice",
    "greet", "thanks", "help", "reset",
)  # fmt: skip
# What is said beside a request and asks for nothing.
COURTESIES = ("greet", "thanks", "help")
# Nothing is done with a remark; what it points at is what "it" means in the next clause.
REMARK = "remark"


@dataclass(frozen=True)
class Seen:
    """What was read in a clause, for `classify`.

    Args:
        asked: attributes asked about, without those that a wish names.
        categories: kinds named and not excluded.
        said_values: whether any wish of the catalogue's values, a price, a size or a rating was said.
        own_values: the same beyond what describes the products pointed at.
        variant: a value is wanted that what is pointed at has not ("the third but in black").
        alone: the clause is all that was said.
        same: a wish that holds is to stay "the same".
    """

    text: str
    asked: tuple[str, ...]
    reference: Reference
    categories: tuple[str, ...]
    said_values: bool
    own_values: bool
    forgot: tuple[str, ...]
    in_chat: bool
    last_act: str
    excludes: bool = False
    alone: bool = True
    same: bool = False

    @property
    def pointed(self) -> bool:
        return bool(self.reference.targets or self.reference.vague or self.reference.described)


def wants_advice(text: str) -> bool:
    return bool(forms.ADVICE.search(text) or forms.FOR_MY_WARDROBE.search(text))


def extends(text: str) -> bool:
    """Whether new values join the old ones ("also in navy")."""
    return bool(re.search(r"\b(?:also|as well|too)\b", text)) and not re.search(r"\btoo \w+", text)


def wants_more(text: str) -> bool:
    """Whether products not seen yet are asked for: "any others?", "show me more"."""
    return bool(forms.DISLIKED.search(text) or forms.MORE_PRODUCTS.search(text))


def is_singular(text: str) -> bool:
    """Whether one product is pointed at."""
    if re.search(r"\b(?:take|put|remove|drop|delete)\b.*\bone of (?:them|these|those|the)\b", text):
        return True
    return bool(forms.SINGULAR.search(text)) and not re.search(r"\b(?:ones|both|them|those|these|all|and)\b", text)


def asks_afresh(text: str) -> bool:
    """Whether a search starts anew, also of the kind talked of: "do you have any coats?", not "and in wool?"."""
    return bool(forms.ASKS_AFRESH.search(text)) and not forms.MORE.search(text)


def is_weak(act: str, s: Seen) -> bool:
    """Whether nothing in a clause asks for anything, so that it counts only where no other clause does."""
    if act in (*COURTESIES, REMARK, "other"):
        return True
    wishes = s.own_values or s.excludes or s.forgot or forms.LOOKING.search(s.text) or forms.ADVICE.search(s.text)
    return (
        act in ("search", "refine")
        and not wishes
        and not forms.MORE.search(s.text)
        and not forms.DISLIKED.search(s.text)
    )


def classify(s: Seen, current_categories: Sequence[str], has_words: bool) -> str:
    """The act of a clause, one of DESIGN's list or `REMARK`."""
    t = s.text
    if saving(t) == DROP:
        return "save"  # "clear all my saved things" begins nothing afresh
    for pattern, act in (
        (forms.GREET, "greet"),
        (forms.THANKS, "thanks"),
        (forms.HELP, "help"),
        (forms.RESET, "reset"),
    ):
        if pattern.search(t):
            return act
    about_bag = None if _is_outfit(t) or _to_match(s) else _bag_act(s)
    if about_bag:
        return about_bag
    if s.forgot and not (set(s.categories) - set(current_categories)):
        return "undo"
    if s.reference.alone and s.reference.targets:
        return "disambiguate"
    told = _about_products(s, current_categories)
    if told:
        return told
    if s.in_chat and s.pointed and _only_points(s):
        return "disambiguate"
    if _is_remark(s):
        return REMARK
    return _looking(s, current_categories, has_words)


def _about_products(s: Seen, current_categories: Sequence[str]) -> str | None:
    """Acts on what was shown: advice on size and outfit, reasons, keeping, more of the like, comparing, asking."""
    t = s.text
    if forms.SIZE_ADVICE.search(t) and not _asks_of_a_quality(s):
        return "size_advice"
    if (_is_outfit(t) or _to_match(s)) and not forms.FOR_MY_WARDROBE.search(t):
        return "outfit"
    if forms.EXPLAIN.search(t) and (s.in_chat or re.search(r"\bwhy (?:did|do) you\b", t)):
        return "explain"
    if of_that_brand(s) or not_that_brand(s):
        return "refine"
    new_kind = bool(set(s.categories) - set(current_categories)) and not s.reference.described
    other_kind = bool(set(s.categories) - set(current_categories))
    if other_kind and s.in_chat and (
        forms.THEY_SELL.search(t) or (s.same and not s.reference.targets)
    ):
        return "search"
    if forms.THE_SAME.search(t) and s.pointed and not forms.LOOKING.search(t):
        return "compare"
    keeps = new_kind and not s.reference.targets and forms.SAME_OF_BEFORE.search(t)
    if s.in_chat and not keeps and (_is_like(s) or _is_variant(s)) and not (not s.asked and _asks_of_a_quality(s)):
        return "similar"
    if forms.COMPARE.search(t) or (s.in_chat and s.pointed and forms.IS_IT_MORE.search(t)):
        return "compare"
    if (
        forms.WHICH_IS_MORE.search(t)
        and not (new_kind and not s.reference.targets)
        and not forms.FOR_MY_WARDROBE.search(t)
    ):
        return "compare"
    if forms.FOR_MY_WARDROBE.search(t) and not s.asked:
        return None  # nobody here has seen it: advice on what to look for
    if not s.asked and _asks_of_a_quality(s):
        both = len(s.reference.targets) > 1 and re.search(r"\b(?:which|or|than)\b", t)
        return "compare" if both else "ask"
    if _is_question(s):
        return "compare" if _sets_side_by_side(s) else "ask"
    return None


def _is_outfit(text: str) -> bool:
    """ "What would go with it?" looks for company, "I'll go with it" takes it."""
    return bool(forms.OUTFIT.search(text)) and not forms.LET_US_GO_WITH.search(text)


def _to_match(s: Seen) -> bool:
    """ "Find me shoes to match": a kind named to go with what was talked of."""
    return bool(s.in_chat and s.categories and forms.TO_MATCH.search(s.text))


def _asks_of_a_quality(s: Seen) -> bool:
    """ "Can I wash it?", "which of the two weighs less?": about what is pointed at, in words of no attribute."""
    asks = forms.AUX_FIRST.match(s.text) or re.search(r"\b(?:which|what|where|how|whether)\b", s.text)
    looks = forms.LOOKING.search(s.text) or forms.INDEFINITE.search(s.text)
    # "Would a laptop fit": nobody asks how the bag fits.
    known = s.pointed or not (s.categories or s.own_values or set(s.asked) - {"fit"})
    return bool(s.in_chat and known and asks and not looks and quality_asked(s.text, ()))


def _is_like(s: Seen) -> bool:
    t = s.text
    if forms.SAME_BUT.search(t) and (s.own_values or s.pointed):
        return True
    return bool(forms.SIMILAR.search(t) or (forms.LOOKING.search(t) and forms.LIKE_IT.search(t))) and not (
        _is_told(s) and not forms.LOOKING.search(t)
    )


def of_that_brand(s: Seen) -> bool:
    """Whether more of the brand of what is pointed at is looked for."""
    t = s.text
    looks = forms.MORE.search(t) or forms.LOOKING.search(t) or re.search(r"\bmore\b|\bhas .*\bgot\b", t)
    return bool(s.reference.targets and forms.OF_THAT_BRAND.search(t) and looks and not not_that_brand(s))


def not_that_brand(s: Seen) -> bool:
    """Whether any brand but that of what is pointed at is looked for: "but not from that brand"."""
    found = forms.NOT_THAT_BRAND.search(s.text)
    return bool(s.in_chat and found and not s.text.rstrip().endswith("?"))


def _is_variant(s: Seen) -> bool:
    """What stands at a place is wanted otherwise: "the third but in black"; "does the third come in black?" asks."""
    fragment = forms.BARE.match(s.text) or forms.LOOKING.search(s.text) or forms.MORE.search(s.text)
    asks = forms.YES_NO.search(s.text) and not forms.LOOKING.search(s.text)
    return bool(s.reference.variant and fragment and not asks and not forms.COMPARE.search(s.text))


def _sets_side_by_side(s: Seen) -> bool:
    """A question about several products, when it is clear which: asked for all about them, or each singled out."""
    t = s.text
    asked = set(s.asked) - {"description"}
    several = s.reference.groups > 1 or _named_twice(t)
    if not asked:
        many = (
            several
            or bool(re.search(r"(?<!number )(?<!no )\b(?:two|both|three)\b", t))
            or (not s.reference.groups and forms.PLURAL_POINTED.search(t))
        )
        return bool(many and forms.ALL_ABOUT.search(t))
    return bool(forms.PLACED.search(t)) and (several or bool(re.search(r"\b(?:two|both)\b", t)))


def _named_twice(text: str) -> bool:
    """ "The black coat on the left and the one on the rack": a second pointing word behind "and"."""
    return bool(
        re.search(r"\b(?:and|as well as|or|plus)\b(?: also)?(?: of)? (?:the|that|this) (?:[\w,-]+ )*?ones?\b", text)
    )


def _bag_act(s: Seen) -> str | None:
    t = s.text
    if how := saving(t):
        return "add_to_bag" if how == TO_BAG else "save"
    if forms.REMOVE.search(t):
        return "remove_from_bag"
    if s.last_act == "save" and forms.AGREES.search(t):
        return "add_to_bag"  # "Say the word when it should go into your bag."
    if forms.PUT_INTO_BAG.search(t):
        return "add_to_bag"
    after_bag = s.last_act in ("add_to_bag", "remove_from_bag") and s.pointed and not s.asked
    if after_bag and (forms.AND_THAT.search(t) or forms.INSTEAD.search(t)) and not forms.LOOKING_FOR.search(t):
        return "add_to_bag"
    if _takes(s):
        return "add_to_bag"
    if forms.SHOW_BAG.search(t) and (not s.asked or set(s.asked) <= {"price"}):
        return "show_bag"
    return bag_act(t, s.in_chat, s.asked)


def _takes(s: Seen) -> bool:
    """Takes what is pointed at. "I want to buy jeans" is after any of them; "can I get the price" asks."""
    t = s.text
    if forms.GIFT.search(t):
        return False
    if forms.NOT_TAKEN.search(t) or re.search(
        r"\b(?:if|should|do|what|when|where|before|unless|where can|where could|how can) (?:i|we) (?:buy|get|take"
        r"|order)\b",
        t,
    ):
        return bool(forms.SHARE.match(t) and s.in_chat and not s.asked)
    if s.asked and not forms.TAKE.search(t):
        return False
    if forms.SHARE.match(t) and s.in_chat and not forms.QUESTION.search(t):
        return True
    if forms.TAKE_BEFORE.search(t) or (forms.SOLD.match(t) and s.in_chat):
        return True
    if s.reference.variant or (len(s.reference.targets) != 1 and _wanted_so(s)):
        return False
    plainly = forms.TAKE_PLAINLY.search(t)
    found = forms.TAKE.search(t)
    what = found["what"] if found else next((g for g in plainly.groups() if g), "") if plainly else None
    if what is None or (forms.LOOKING_FOR.search(t) and not found):
        return False
    if forms.ABOUT_IT.match(what) or (s.asked and (plainly or not forms.DEFINITE.match(what))):
        return False
    definite = bool(forms.DEFINITE.match(what) or forms.ORDINAL_FIRST.match(what))
    return definite and (s.in_chat or not s.categories)


def _wanted_so(s: Seen) -> bool:
    """ "I need them in black", "I want them waterproof" say which of many would do; "I'll take them in black" takes."""
    return bool(forms.WANTED_SO.search(s.text)) and not forms.BAG_NAMED.search(s.text)


def _is_told(s: Seen) -> bool:
    """Whether what is asked is named as the thing to be told: "show me the review score of the blue jeans"."""
    if not s.asked:
        return False
    for m in re.finditer(forms.TO_BE_TOLD, s.text):
        if any(re.search(rf"\b{_stem(a)}", s.text[m.end() : m.end() + 40]) for a in s.asked):
            return True
    return False


def _asks_for_its(s: Seen) -> bool:
    """ "Is the material any good?", "how's the rating?": an attribute of what is talked of is the subject."""
    its = (
        r"\b(?:is|are|what's|how's|how is|how are|what is|what are|what about|and|what of) (?:the|its|their) (?:\w+ )?"
    )
    return any(re.search(its + _stem(a), s.text) for a in s.asked) and not s.categories


def _stem(attribute: str) -> str:
    words = {"price": r"pric|cost", "rating": r"\w* ?review|rating|score|rated", "size": r"(?:\w+ )?siz",
             "brand": r"(?:\w+ )?brand|maker|manufacturer",
             "color": r"(?:\w+ )?colou?r|shade", "material": r"(?:\w+ )?material|fabric"}  # fmt: skip
    return f"(?:{words.get(attribute, re.escape(attribute))})"


def _is_question(s: Seen) -> bool:
    """Asks about products on the table. "Do you have blouses with good reviews?" names a rating and asks for none."""
    t = s.text
    if not (s.in_chat or s.pointed):
        return False
    if forms.WHICH_OF_THESE.match(t) and s.said_values:
        return True
    if s.reference.targets and re.match(r"\W*(?:(?:and|but|so|hm+|ok(?:ay)?)\W+)*why\b", t):
        return True  # "Why is the first so expensive?"
    if forms.OTHER_VARIANT.search(t) and s.pointed:
        return True  # "Do you have it in another colour?"
    if s.reference.best and s.reference.targets and not forms.LOOKING.search(t) and forms.QUESTION.search(t):
        return True  # "What's the cheapest?"
    if _is_told(s) and not forms.NARROWS.search(t) and (s.pointed or not s.own_values):
        return True
    if forms.NARROWS.search(t):
        return False
    if not forms.QUESTION.search(t):
        return bool(s.asked and s.pointed and not forms.LOOKING.search(t) and not s.own_values and not _states(s))
    looks = forms.LOOKING.search(t) and forms.INDEFINITE.search(t) and not _asks_for_its(s)
    if looks and (not s.pointed or (s.own_values and not s.reference.targets)):
        return False
    if re.search(r"\bhow (?:expensive|cheap|much|pricey|costly|dear)\b", t) and s.in_chat:
        return True
    if _asks_for_its(s):
        return True
    if s.asked and not (forms.LOOKING.search(t) and s.categories and not s.reference.described):
        plainly = re.search(r"\bhow much\b|\bwhat (?:size|brand|colou?r|material|price)|\bwho makes\b", t)
        return bool(s.pointed or not s.said_values or plainly)
    if forms.ALL_ABOUT.search(t) and s.pointed:
        return True
    if (
        re.search(r"\b(?:other )?(?:customers|people|shoppers|buyers|others)\b.*\b(?:like|think|say|rate|feel)\b", t)
        and s.pointed
    ):
        return True
    yes_or_no = forms.YES_NO.search(t) and ("?" in t or forms.AUX_FIRST.match(t))
    return bool(yes_or_no and s.pointed and not forms.LOOKING.search(t))


def _states(s: Seen) -> bool:
    return bool(forms.REMARK.match(s.text))


def _only_points(s: Seen) -> bool:
    """Says which one and nothing more: "the red one", "I mean the first"."""
    if s.reference.variant or (forms.MEANT.search(s.text) and s.own_values):
        return False
    return bool(
        forms.MEANT.search(s.text)
        or (forms.BARE.search(s.text) and not forms.LOOKING.search(s.text) and not s.excludes)
    )


def _is_remark(s: Seen) -> bool:
    """Said of what is there, or of the shopper, without a wish of its own."""
    if not forms.REMARK.match(s.text) or s.excludes or "?" in s.text:
        return False
    if forms.JUST_THAT.search(s.text):
        return True
    if re.search(
        r"\btoo (?:expensive|pricey|dear|much (?:money|for me|to (?:pay|spend)))\b|\b(?:cheaper|pricier)\b", s.text
    ):
        return False
    own = re.match(r"\W*(?:\w+\W+){0,3}?(?:i|we)\b", s.text)
    if own and forms.LOOKING.search(s.text):
        return False
    subject = re.match(r"\W*(?:\w+\W+){0,3}?(?:it|they|those|these|that|this|both|one|neither|the other)\b", s.text)
    return not s.own_values or bool(
        subject and s.in_chat and not re.search(r"\b(?:should|must|needs?|has|have) (?:to )?\b", s.text)
    )


def _looking(s: Seen, current_categories: Sequence[str], has_words: bool) -> str:
    t = s.text
    new_category = bool(s.categories) and not set(s.categories) <= set(current_categories)
    if forms.FOR_MY_WARDROBE.search(t) and (s.categories or s.in_chat):
        return "search" if s.categories or not current_categories else "refine"
    if s.reference.targets and re.search(r"\bwhat do you think (?:of|about)\b", t):
        return "ask"
    if forms.ADVICE.search(t) and not s.categories:
        return "recommend" if forms.FOR_ME.search(t) or not (s.in_chat and forms.MORE_ONLY.search(t)) else "refine"
    if new_category:
        return "search"
    if s.categories:
        return "refine" if s.in_chat and (forms.MORE.search(t) or not forms.ASKS_AFRESH.search(t)) else "search"
    if s.said_values:
        return "refine" if s.in_chat else "search"
    if s.in_chat and (forms.MORE.search(t) or forms.DISLIKED.search(t) or forms.NARROWS.search(t)):
        return "refine"
    if has_words:
        return "refine" if s.in_chat and not forms.LOOKING.search(t) else "search"
    return "refine" if s.in_chat and forms.LOOKING.search(t) else "other"

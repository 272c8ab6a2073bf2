"""What was said: the shopper's sentence or tap, the reply as it is written, and what it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shopping_assistant.ui.page.cards import ghosts, grid
from shopping_assistant.ui.page.comparison import comparison_table
from shopping_assistant.ui.page.markup import button, data, english, text
from shopping_assistant.ui.page.wishes import wish_words
from shopping_assistant.ui.page.words import Words

# Pictures of older answers are left out: a long conversation must not become a page of a thousand drawings.
TURNS_WITH_PICTURES = 12


def said(turn: dict, words: Words) -> str:
    """The shopper's sentence; a tap is noted, not quoted."""
    tapped = turn.get("tapped")
    if not tapped:
        you = f'<h2 class="unseen">{text(words("you"))}</h2>'
        return f'<div class="said">{you}<p>{text(turn.get("shopper") or "")}</p></div>'
    if "drop" in tapped:
        note = words("tapped_drop", wish=wish_words(tapped["drop"], words))
    else:
        kind = next(kind for kind in ("photo", "redo", "undo") if kind in tapped)
        note = words(f"tapped_{kind}")
    return f'<p class="tapped">{text(note)}</p>'


def pending(asked: dict, reply: str, words: Words, failed: bool = False) -> str:
    """A turn that is being answered.

    Args:
        asked: ``shopper`` or ``tapped`` as a finished turn has them.
        failed: it ended without an answer, and ``reply`` says so: the shopper may try the same again.
    """
    again = button(words("try_again"), "again", "chip") if failed else ""
    waiting = (
        ""
        if failed or reply
        else f'<span class="dots" aria-label="{text(words("thinking"))}"><i></i><i></i><i></i></span>'
    )
    below = again or (ghosts() if not reply else "")
    return (
        f'<section class="turn pending"{data(state="failed" if failed else "busy")}>{said(asked, words)}'
        f'<div class="reply">{_paragraphs(reply, words)}{waiting}</div>{below}</section>'
    )


def turn_section(turn: dict, words: Words, pictures: bool = True, last: bool = True) -> str:
    """A finished turn.

    Args:
        turn: the turn object; ``compared`` may hold the products of its ``comparison`` with all the catalogue says.
        last: nothing was said since: what may be said next stands below it.
    """
    number = turn.get("turn", 0)
    cards = grid(turn.get("products") or (), words, number, pictures)
    table = (
        comparison_table(turn["comparison"], words, turn.get("compared") or (), f"v{number}n")
        if turn.get("comparison")
        else ""
    )
    # To a pink dress belongs what is neither: nothing was missing there.
    relaxed = () if turn.get("act") == "outfit" else turn.get("relaxed") or ()
    aside = "".join(f"<li>{text(wish_words(c, words))}</li>" for c in relaxed)
    aside = f'<ul class="aside" aria-label="{text(words("set_aside"))}">{aside}</ul>' if aside and cards else ""
    steps = prompts(next_steps(turn, words), words, "choices" if turn.get("question") else "next") if last else ""
    # The choices of a question stand below it; what may be said next, below the products.
    below = steps + cards + table if turn.get("question") else cards + table + steps
    return (
        f'<section class="turn"{data(turn=number, act=turn.get("act"), state="done")}>{said(turn, words)}'
        f'<div class="reply"><h2 class="unseen">{text(words("assistant"))}</h2>'
        f"{_paragraphs(turn.get('reply') or '', words)}</div>{aside}{below}{about_reply(turn, words)}</section>"
    )


def about_reply(turn: dict, words: Words) -> str:
    """Thumbs for the reply, why it shows what it shows, and what it took."""
    number = turn.get("turn", 0)
    why = button(words("why_these"), "why", "quiet", turn=number) if turn.get("products") else ""
    return (
        '<div class="about-reply">'
        + button(words("good_reply"), "judge", "small", "up", False, verdict="up", turn=number)
        + button(words("bad_reply"), "judge", "small", "down", False, verdict="down", turn=number)
        + why
        + button(words("trace"), "trace", "quiet engineers", turn=number)
        + "</div>"
    )


def _paragraphs(reply: str, words: Words) -> str:
    lang = "" if words.any_language or reply == words("went_wrong") else english(words)
    return "".join(f"<p{lang}>{text(part)}</p>" for part in reply.split("\n") if part.strip())


def prompts(texts: Iterable[str | tuple[str, str]], words: Words, kind: str = "next") -> str:
    """Things to say with one click: a sentence in English, or a pair of what stands on the button and what it says.

    What stands there is the page's words, but for the choices of a question, which are the assistant's.
    """
    buttons = ""
    for said in texts:
        label, say = (said, said) if isinstance(said, str) else said
        lang = english(words) if isinstance(said, str) or kind == "choices" else ""
        buttons += f"<li{lang}>{button(label, 'say', 'chip', text=say)}</li>"
    return f'<ul class="prompts {kind}">{buttons}</ul>' if buttons else ""


def next_steps(turn: dict, words: Words) -> list[str | tuple[str, str]]:
    """The choices of the question that was put, else what shoppers often say next.

    What is said is English: it is the assistant's language, whatever the page's is.
    """
    if turn.get("question"):
        return [(c["label"], c["say"]) for c in turn["question"]["choices"]]
    recommend = (words("say_recommend"), "what would you recommend for me?")
    if not turn.get("products"):
        return [] if turn.get("act") in ("add_to_bag", "show_bag") else [recommend]
    steps = [recommend] if turn.get("act") != "recommend" else []
    if len(turn["products"]) > 1:
        steps += [(words("say_cheaper"), "something cheaper"), (words("say_more"), "show me more")]
    return [*steps, (words("say_outfit"), "what goes with the first one?")]


def transcript(turns: Sequence[dict], words: Words) -> str:
    """All finished turns; the last :data:`TURNS_WITH_PICTURES` answers with pictures."""
    with_products = [t for t in turns if t.get("products")]
    recent = {id(t) for t in with_products[-TURNS_WITH_PICTURES:]}
    return "".join(turn_section(t, words, id(t) in recent, t is turns[-1]) for t in turns)

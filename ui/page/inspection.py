"""Behind an answer: why these products (for shoppers), and what the turn did and took (for engineers)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from shopping_assistant.ui.page.markup import english, text
from shopping_assistant.ui.page.words import Words

_ROUTES = ("id", "title", "memory", "search")


def why_these(reasons: Sequence[dict], words: Words) -> str:
    """What each card of a turn hangs on, and on which roads it came.

    Args:
        reasons: as ``Assistant.why`` gives them: ``product_id, title, evidence, route, words``.
    """
    if not reasons:
        return f'<p class="empty">{text(words("why_nothing"))}</p>'
    items = "".join(
        f"<li><div{english(words)}><h3>{text(r['title'])}</h3><ul class='because'>{_listed(r['words'])}</ul></div>"
        f"{_roads(r.get('route') or {}, words)}</li>"
        for r in reasons
    )
    return f'<ol class="why-list">{items}</ol>'


def _listed(sentences: Sequence[str]) -> str:
    return "".join(f"<li>{text(s)}</li>" for s in sentences)


def _roads(route: dict, words: Words) -> str:
    taken = [
        f"<li>{text(words(f'route_{name}', rank=route[name]))}</li>" for name in _ROUTES if route.get(name) is not None
    ]
    return f'<ul class="roads" aria-label="{text(words("routes"))}">{"".join(taken)}</ul>' if taken else ""


def trace_of(turn: dict, words: Words) -> str:
    """A turn's tool calls with arguments and times, and its parts' times.

    Args:
        turn: one of ``Assistant.trace``: ``turn, ms, parts_ms, tools, model, model_error``.
    """
    lang = english(words)
    total = max(float(turn.get("ms") or 0), 0.001)
    parts = "".join(
        f'<tr><th scope="row">{text(name)}</th><td>{ms:.1f} ms</td>'
        f'<td><span class="share"><i style="width:{min(ms / total, 1):.1%}"></i></span></td></tr>'
        for name, ms in (turn.get("parts_ms") or {}).items()
    )
    calls = "".join(_call(t) for t in turn.get("tools") or ())
    model = f"{words('model')}: {turn.get('model') or words('embedded_model')}"
    failed = f'<p class="cause"{lang}>{text(turn["model_error"])}</p>' if turn.get("model_error") else ""
    name = text(words("turn", n=turn["turn"]))
    return (
        f'<p class="line"><b>{name}</b><span>{total:.1f} ms</span></p><p>{text(model)}</p>{failed}'
        f'<table class="times"{lang}><tbody>{parts}</tbody></table><ol class="calls"{lang}>{calls}</ol>'
    )


def _call(tool: dict) -> str:
    error = f'<p class="cause">{text(tool["error"])}</p>' if tool.get("error") else ""
    return (
        f"<li><h3>{text(tool['name'])} <small>{tool['ms']:.1f} ms</small></h3>"
        f"<pre>{_pretty(tool['arguments'])}</pre>{error}</li>"
    )


def _pretty(arguments: object) -> str:
    return escape(json.dumps(arguments, ensure_ascii=False, indent=1), quote=True)

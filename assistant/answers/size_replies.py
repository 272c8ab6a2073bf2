"""What is said of sizes and fit: advice with its counts, and plainly that nobody knows where nobody does."""

from __future__ import annotations

from collections.abc import Sequence

from shopping_assistant.assistant.answers.wording import listed, pick, plural

# Chances as people say them; the figures were calibrated on shoppers that the model had not seen.
_SURE = (
    (0.85, "I am fairly sure"),
    (0.7, "it is likely"),
    (0.5, "it is more likely than not"),
    (0.0, "it is far from sure"),
)
# Of a size that such a body hardly takes, the few who did say little about the rest: its chance would flatter it.
HARDLY_TAKEN = 0.2
_RUNS = {"small": "runs small", "large": "runs large", "true": "is true to size"}
_MEASURES = {"height": "height", "weight": "weight", "bust": "bust", "waist": "waist", "hips": "hips"}
_NOBODY = (
    "How it fits I do not know: nobody has told this shop.",
    "I cannot say how it fits, as this shop has no feedback on that.",
)
_TELL_ME = "Tell me your height and weight, or the size you usually take, and I can say which one."
_HOME = " This stays in our chat; “forget my measurements” deletes it."


def about_self(state: dict) -> str:
    """The reply to a sentence that only tells, takes back or asks for measures; "" when it is about something else."""
    told = state.get("about_self")
    if not told or not told["alone"]:
        return ""
    known = state.get("measures", [])
    if told["forgot"] and not told["said"]:
        left = f" I still know: {_listed(known)}." if known else ""
        what = "your measurements" if "everything" in told["forgot"] else f"your {listed(told['forgot'])}"
        return f"Done, I have forgotten {what}.{left}"
    if told["asks"]:
        if not known:
            return "Nothing: you have not told me any measurements."
        return f"You told me: {_listed(known)}.{_HOME}"
    return f"Noted: {_listed(told['said'])}.{_HOME}{_what_now(state)}" if told["said"] else ""


def noted(state: dict) -> str:
    """What was told of oneself beside a wish, said back in a few words."""
    told = state.get("about_self")
    if not told or told["alone"]:
        return ""
    if told["forgot"]:
        return "I have forgotten your measurements."
    facts = [m for m in told["said"] if not (m["measure"] == "usual size" and state.get("act") != "size_advice")]
    return f"Noted: {_listed(facts)}." if facts and state.get("act") != "size_advice" else ""


def _what_now(state: dict) -> str:
    if not state.get("has_fit_feedback"):
        return " Nobody has told this shop how its sizes fit yet, so I keep it for what you ask about sizes."
    return " Ask me which size to take of any product."


def _listed(measures: Sequence[dict]) -> str:
    return listed([_told(m) for m in measures])


def _told(m: dict) -> str:
    if m["measure"] == "tendency":
        return "things tend to be small on you" if m["value"] == "small" else "things tend to be large on you"
    if m["measure"] == "usual size":
        return f"usually {_size(m['value'])}"
    return f"{_MEASURES[m['measure']]} {float(m['value']):g} {m['unit']}"


def _size(size: str) -> str:
    return str(size).upper() if len(str(size)) < 4 or "/" in str(size) else str(size)


def advised(state: dict, content: dict) -> str:
    """The reply to the tool's result."""
    told = state.get("about_self") or {}
    said = f"Noted: {_listed(told['said'])}. " if told.get("said") else ""
    return said + " ".join(_of_product(state, content, p) for p in content["products"])


def _of_product(state: dict, content: dict, p: dict) -> str:
    if not p["sized"]:
        return f"{p['title']} comes in {listed(p['sizes'])}; there is nothing to choose." if p["sizes"] else (
            f"The catalogue does not say the sizes of {p['title']}."
        )  # fmt: skip
    asked = " ".join(_asked(p, size) for size in content["asked"])
    sizes = f"{p['title']} comes in {listed([_size(s) for s in p['sizes']])}."
    if not content["feedback"]:
        return " ".join(x for x in (asked, sizes, _usual(p), pick(_NOBODY, state)) if x)
    a = p["advice"]
    if not a["this_product"]["all"] and not a["its_kind"]["all"]:
        return " ".join(
            x for x in (asked, sizes, _usual(p), "Nobody has said how it or its kind fits, so I do not know.") if x
        )
    parts = [asked, _recommended(p), _chance_of(content, p), _alike(p), _runs(p)]
    if a["size"] is None:
        parts += [sizes, _TELL_ME if content["asks_for_measures"] else ""]
    return " ".join(x for x in parts if x)


def _asked(p: dict, size: str) -> str:
    if p["has"][size]:
        return f"Yes, it comes in {_size(size)}." if len(p["has"]) == 1 else f"{_size(size)} is there."
    return f"It does not come in {_size(size)}."


def _usual(p: dict) -> str:
    usual = p["usual_size"]
    if not usual:
        return ""
    if "/" in usual["size"]:
        return ""
    return f"Your usual {_size(usual['size'])} is {'among them' if usual['has'] else 'not among them'}."


def _recommended(p: dict) -> str:
    a = p["advice"]
    if a["size"] is None:
        return ""
    chance = _of(a, a["size"])
    sure = next(words for least, words in _SURE if chance["fit"] >= least)
    other = _second(a)
    instead = f" If in doubt, {_size(other)} is the next to try." if other and chance["fit"] < _SURE[1][0] else ""
    return f"For {p['title']} I would take {_size(a['size'])}: {sure} that it fits ({chance['fit']:.0%}).{instead}"


def _second(a: dict) -> str | None:
    """The neighbour on the side where the advised size would rather fail."""
    sizes = [c["size"] for c in a["chances"]]
    at, best = sizes.index(a["size"]), _of(a, a["size"])
    to = at + (1 if best["small"] > best["large"] else -1)
    return sizes[to] if 0 <= to < len(sizes) else None


def _of(a: dict, size: str) -> dict:
    return next(c for c in a["chances"] if c["size"].lower() == size.lower())


def _chance_of(content: dict, p: dict) -> str:
    """What to expect of sizes that were asked about, where it is not the advised one."""
    a, out = p["advice"], []
    for size in content["asked"]:
        c = next((c for c in a["chances"] if c["size"].lower() == size.lower()), None)
        if c is None or (a["size"] or "").lower() == size.lower():
            continue
        likely = max(("fit", "small", "large"), key=lambda k: c[k])
        best = next((x for x in a["chances"] if x["size"] == a["size"]), None)
        risk = "small" if c["small"] > c["large"] else "large"
        if likely != "fit":
            out.append(f"In {_size(size)} it would rather be too {likely} ({c[likely]:.0%}).")
        elif best and c["taken"] < HARDLY_TAKEN * best["taken"]:
            bigger = [x["size"] for x in a["chances"]].index(c["size"]) > [x["size"] for x in a["chances"]].index(
                a["size"]
            )
            out.append(f"{_size(size)} is {'larger' if bigger else 'smaller'} than what I expect on you.")
        else:
            out.append(f"{_size(size)} would fit with {c['fit']:.0%}, and rather be too {risk} than the other way.")
    return " ".join(out)


def _alike(p: dict) -> str:
    a = p["advice"]
    if not a["about_your_size_it_fits"]:
        return ""
    counted = a["about_your_size_it_fits"]
    # The commonest two, and the advised one wherever it stands: nothing that speaks against it is held back.
    named = [pair for i, pair in enumerate(counted) if i < 2 or pair[0] == a["size"]]
    about = [measure for measure in _MEASURES if any(c.startswith(f"{measure}_") for c in a["rests_on"])]
    told = [
        f"{n} found that {_size(size)} fits" if i == 0 else f"{n} that {_size(size)} does"
        for i, (size, n) in enumerate(named)
    ]
    return f"Of {a['about_your_size']} shoppers of about your {listed(about)}, {listed(told)}."


def _runs(p: dict) -> str:
    own, kind = p["advice"]["this_product"], p["advice"]["its_kind"]
    if own["runs"]:
        side = own["runs"] if own["runs"] in ("small", "large") else "fit"
        said = f"{own[side]} of {own['all']} said {'it fits' if side == 'fit' else 'it is ' + side}"
        return f"It {_RUNS[own['runs']]}: {said}."
    few = f"only {own['all']} told" if own["all"] else "nobody told"
    if kind["runs"]:
        side = kind["runs"] if kind["runs"] in ("small", "large") else "fit"
        what = plural(p["category"] or "its kind")
        said = f"{kind[side]:,} of {kind['all']:,} said {'they fit' if side == 'fit' else 'they are ' + side}"
        return f"Not enough feedback on this one ({few}); going by {what}: {said}."
    return f"Not enough feedback on this one ({few}), and hardly any on its kind."

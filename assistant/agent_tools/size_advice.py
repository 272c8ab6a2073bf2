"""The tool that advises on a size: from what others said of the fit, for what is known of this shopper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from pydantic import Field

from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, ToolResult, tool
from shopping_assistant.assistant.language.measures import TENDENCY, USUAL
from shopping_assistant.tools.catalog import Product
from shopping_assistant.tools.fit import Shopper, Worn
from shopping_assistant.tools.fit_advice import Advice, Counts, SizeAdvisor
from shopping_assistant.tools.size_scale import size_mark

COLUMNS = {"height": "height_cm", "weight": "weight_kg", "bust": "bust_cm", "waist": "waist_cm", "hips": "hips_cm"}


class Sizing(Arguments):
    product_ids: list[str] = Field(min_length=1, max_length=5)
    sizes: list[str] = Field(default=[], max_length=6, description="sizes that the shopper asks about, such as 38 or M")


@tool(Sizing)
def size_advice(desk: Desk, given: Sizing) -> ToolResult:
    """Which size of a product to take, how it runs and whether a size would fit, from other shoppers' fit feedback.

    The shopper's measurements are known from the conversation. Where the shop has no feedback, it says so.
    """
    advisor = desk.shelf.size_advisor
    products = desk.known(given.product_ids)
    worn = advisor.worn_by(desk.user_id) if advisor else ()
    told = [_told(advisor, p, shopper_of(desk.measures, p.size, worn), given.sizes) for p in products]
    told = [t | {"usual_size": _usual(desk.measures, p)} for t, p in zip(told, products, strict=True)]
    unsure = advisor is not None and any(t["advice"] and t["advice"]["size"] is None and t["sized"] for t in told)
    # What would help is asked for once; who did not want to say it is not asked again.
    wants = unsure and not desk.measures_asked
    return ToolResult(
        {"feedback": advisor is not None, "products": told, "asked": given.sizes, "measures": list(desk.measures),
         "asks_for_measures": wants}
    )  # fmt: skip


def shopper_of(measures: Sequence[dict], sizes: Sequence[str], worn: Sequence[Worn] = ()) -> Shopper:
    """Who asks, as the fit model knows them.

    A usual size stands for one that fitted before, on its own scale; things that run small on them for one that was.
    """
    body = {COLUMNS[m["measure"]]: float(m["value"]) for m in measures if m["measure"] in COLUMNS}
    scales = {mark.scale for s in sizes if (mark := size_mark(s))}
    usual = [str(m["value"]) for m in measures if m["measure"] == USUAL]
    usual = [u for u in usual if (mark := size_mark(u)) and mark.scale in scales]
    tendency = [str(m["value"]) for m in measures if m["measure"] == TENDENCY]
    said = [*(Worn(u, "fit") for u in usual), *(Worn(None, t) for t in tendency)]
    return Shopper(body, (*worn, *said))


def _told(advisor: SizeAdvisor | None, product: Product, shopper: Shopper, asked: Sequence[str]) -> dict:
    has = {s.lower(): s for s in product.size}
    return {
        "product_id": product.product_id, "title": product.title, "category": product.category,
        "sizes": list(product.size), "sized": any(size_mark(s) for s in product.size),
        "has": {s: s.lower() in has for s in asked},
        "advice": _as_dict(advisor.advise(product, shopper)) if advisor else None,
    }  # fmt: skip


def _as_dict(advice: Advice) -> dict:
    return {
        "size": advice.size,
        "chances": [asdict(c) for c in advice.chances],
        "this_product": _counted(advice.of_product),
        "its_kind": _counted(advice.of_kind),
        "about_your_size_it_fits": [list(pair) for pair in advice.alike],
        "about_your_size": advice.alike_all,
        "rests_on": list(advice.rests_on),
    }


def _counted(counts: Counts) -> dict:
    return {**asdict(counts), "all": counts.all, "runs": counts.runs}


def _usual(measures: Sequence[dict], product: Product) -> dict | None:
    """The shopper's usual size on this product's scale, and whether it comes in it."""
    scales = {mark.scale for s in product.size if (mark := size_mark(s))}
    there = {size_mark(s) for s in product.size}
    for m in measures:
        mark = size_mark(str(m["value"])) if m["measure"] == USUAL else None
        if mark and mark.scale in scales:
            return {"size": str(m["value"]), "has": mark in there}
    return None

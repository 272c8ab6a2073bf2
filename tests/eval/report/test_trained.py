"""Variants that were trained apart: both retrievals and both sweeps, low resource, zero-shot and cold start."""

import re
from pathlib import Path

from shopping_assistant.eval.report.page import write_report
from tests.eval.report.pages import DAY, Page, page_of


def test_ablations_stand_in_both_retrievals_on_one_scale(whole):
    page = page_of(whole)
    rows = [row for row in page.rows if row and row[0].startswith("general-text-encoder")]
    assert [row[-3:] for row in rows] == [["worse", "same", "no telling"], ["worse", "better", "no"]]
    assert (
        "1 of 2 ablations with the shop's weights move as published (within chance: general-text-encoder); "
        "1 of 2 ablations with the published list move as published (the other way: general-text-encoder)" in page.text
    )
    assert "asked the same 400 sessions" in page.text
    first, second, sweep = (svg_of(whole, name) for name in ("ablations-0", "ablations-1", "mixup-sweep"))
    assert "without-memory -0.050 [-0.060, -0.040], published: worse" in first
    assert "without-memory -0.110 [-0.120, -0.100], published: worse" in second
    assert axis_of(first) == axis_of(second), "bars of two pictures can be compared"
    assert "published list: 0 0.300, 1 0.310, 2 0.320; the shop's weights: 0 0.500, 1 0.490, 2 0.480" in sweep
    assert {"published list", "the shop's weights"} <= set(texts(sweep)), "a legend"
    assert "Best here: published list m = 2, the shop's weights m = 0; published best: m = 1." in page.text


def test_only_the_shops_weights_where_nothing_else_was_measured(whole, change):
    def only_one(found: dict) -> None:
        del found["variants_published_list"], found["mixup_sweep_shop"]

    change(whole / "ablations" / "ablations.json", only_one)
    page = page_of(whole)
    assert "1 of 2 ablations move as published (within chance: general-text-encoder)." in page.text
    assert "The two pictures" not in page.text and "Best here: published list m = 2; published" in page.text


def test_settings_are_grouped_for_comparison(whole):
    page = page_of(whole)
    tested = [row[1] for row in page.rows if row and row[0] in ("shoes", "none") and len(row) == 5]
    assert tested == ["bags", "bags", "scarves"], "what was tested on one kind stands together"
    cold = texts(svg_of(whole, "cold-start"))
    names = [text for text in cold if text.startswith(("mixup", "id"))]
    assert names == ["mixup", "mixup, trained on all", "id", "id, trained on all"]


def test_a_log_of_which_no_part_was_trained_has_no_curve_and_says_so(whole, change):
    settings = whole / "ablations" / "settings.json"
    change(settings, lambda found: found.update(low_resource=found["low_resource"][-1:], zero_shot=[]))
    written = write_report(whole, on=DAY)
    page = Page(written.path.read_text())
    assert [part for part, _ in written.missing] == ["low resource", "zero-shot"]
    assert "Less training data" not in page.text and "Cold items beside warm ones" in page.text


def svg_of(folder: Path, name: str) -> str:
    """The picture of that name as it stands in the page."""
    markup = write_report(folder, on=DAY).path.read_text()
    start = markup.rindex("<svg", 0, markup.index(f'<title id="{name}-t"'))
    return markup[start : markup.index("</svg>", start)].replace("&#39;", "'")


def texts(svg: str) -> list[str]:
    return [text.replace("\n", "") for text in re.findall(r"<text[^>]*>(.*?)</text>", svg, flags=re.S)]


def axis_of(svg: str) -> list[str]:
    return [text for text in texts(svg) if re.fullmatch(r"[−-]?\d\.\d+", text)]

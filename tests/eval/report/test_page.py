"""The report's page: what stands on it, what it must never hold, and what happens to bad input."""

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shopping_assistant.eval.replay import replay
from shopping_assistant.eval.report.page import write_report
from shopping_assistant.eval.runs import RunError
from shopping_assistant.eval.score import score_runs
from shopping_assistant.tools.errors import ShopError
from shopping_assistant.ui.cli import app
from tests.eval.report.pages import DAY, Page, page_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def test_the_main_table_holds_what_the_runs_score(results):
    page = page_of(results)
    scored = score_runs(results / "replay")["systems"]
    for name, figures in scored.items():
        row = page.row(name)
        assert row[1].startswith(f"{figures['recall@10']:.2f}["), name
        low, high = figures["ci95"]["ndcg@10"]
        assert row[2] == f"{figures['ndcg@10']:.2f}[{low:.2f}, {high:.2f}]"
        coverage, broke = ("83.3 %", "1.2 %") if name == "search" else ("91.7 %", "0 %")
        assert row[5:10] == [coverage, "3.0", "0.25", broke, "80"]
    assert [row[0] for row in page.rows if row[0] in scored][:3] == ["fused", "popularity", "search"], "best first"


def test_the_summary_says_who_is_ahead_and_where_it_loses(results):
    text = page_of(results).text
    assert "Of 3 systems fused is ahead: ndcg@10" in text
    assert "Its lead over the next, popularity, is" in text
    assert "fused loses to popularity for cold items (35 sessions): ndcg@10 0.39 against 0.63" in text
    assert "Constraints were broken, which must never happen: search in 1.2 % of its lists." in text
    assert "the shoppers of this shop are simulated" in text


def test_what_is_missing_is_named_with_its_command(results, shop):
    written = write_report(results, on=DAY)
    page = Page(written.path.read_text())
    assert [part for part, _ in written.missing] == [
        "ablations and the mixup split", "low resource", "zero-shot", "simulated shoppers",
        "understanding of people's words",
    ]  # fmt: skip
    for _, command in written.missing:
        # Whoever runs this is told the places, a reader elsewhere only the names.
        assert command.replace(str(results), results.name).replace(str(shop.path), shop.path.name) in page.text
    assert {"ablations", "conversations", "understanding"}.isdisjoint(page.ids)


def test_every_part_that_is_there_is_shown(whole):
    written = write_report(whole, on=DAY)
    page = Page(written.path.read_text())
    assert written.missing == ()
    assert {"ablations", "settings", "conversations", "understanding", "worst", "protocol"} <= set(page.ids)
    assert page.row("without-memory")[3:] == ["−0.050", "[−0.060, −0.040]", "0.001", "worse", "worse", "yes"]
    assert page.row("general-text-encoder")[-3:] == ["worse", "same", "no telling"]
    assert page.row("shoes") == ["shoes", "bags", "400", "0.123", "–"]
    assert page.row("wish met within 8 turns")[1] == "75.0 % [50.0 %, 95.0 %]"
    assert page.row("act_accuracy")[1:] == ["0.710[0.700, 0.720]", "0.700"]
    assert page.row("slot_f1")[1:] == ["0.620", "–"]
    assert (
        "Dialogues that people wrote. 512 examples." in page.text and "color missed (40), wrong act (12)." in page.text
    )
    for command in ("shop replay --ablations", "shop simulate --seed 1", "python -m understanding"):
        assert command in page.text


def test_a_success_and_the_longest_failures_are_set_out(whole):
    text = page_of(whole).text
    assert text.index("bought after 3 turns, session won") < text.index("gave up after 8 turns, session lost")
    assert text.index("session lost") < text.index("gave up after 2 turns, session short")
    assert "won2" not in text


def test_a_purchase_that_missed_the_bag_is_no_model_success(whole):
    talks = whole / "simulate" / "conversations.jsonl"
    talks.write_text(talks.read_text().replace('"session_id": "won"', '"misread_purchase": true, "session_id": "won"'))
    page = page_of(whole)
    assert page.row("purchases said aloud")[1] == "2 of 9"
    assert "session won2" in page.text and "session won " not in page.text


def test_worst_sessions_show_what_was_seen_said_and_wanted(results):
    text = page_of(results).text
    missed = text[text.index("fused fails where another system does not") : text.index("Every system fails")]
    assert "Session s70" in missed and "popularity 1" in missed and "fused 40" in missed
    assert "12 Mar 2026, the session of the purchase" in missed
    said = missed[missed.index("What fused said") :]
    assert [int(n) for n in re.findall(r"Product number (\d+)", said)][:10] == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    seen = missed[missed.index("What fused saw") : missed.index("What fused said")]
    assert "bought Product number 0" in seen and "clicked Product number 1" in seen
    assert "script" not in seen, "the click on the target stands in the history"
    assert "number 7" not in seen, "what came after the purchase stands in the history"
    assert "Session s71" in text[text.index("Every system fails") :]


def test_what_sellers_and_shoppers_wrote_is_only_text(whole):
    written = write_report(whole, on=DAY)
    markup = written.path.read_text()
    page = Page(markup)
    assert "<script>alert('title')</script> boots & laces" in page.text
    assert "<img src=x onerror=alert('query')>" in page.text
    assert {"script", "img", "iframe", "link"}.isdisjoint(page.tags)
    assert "&lt;script&gt;" in markup


def test_the_names_of_systems_are_only_text_in_tables_and_pictures(results, change):
    runs = results / "replay" / "runs.jsonl"
    runs.write_text(runs.read_text().replace('"search", "target"', '"<b>$x_1$ & co</b>", "target"'))
    page = page_of(results)
    assert page.row("<b>$x_1$ & co</b>")
    assert "<b>$x_1$ & co</b> 0." in page.text, "the picture's description"


def test_nothing_is_loaded_and_every_id_is_its_own(whole):
    written = write_report(whole, on=DAY)
    page = Page(written.path.read_text())
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert "url(http" not in written.path.read_text()
    assert written.size < 1_000_000


def test_every_picture_has_a_title_and_says_its_figures(whole):
    markup = write_report(whole, on=DAY).path.read_text()
    pictures = re.findall(r"<svg.*?</svg>", markup, flags=re.S)
    assert len(pictures) >= 8
    for picture in pictures:
        root = ElementTree.fromstring(picture)
        title, told = root.find("title"), root.find("desc")
        assert root.get("role") == "img" and title.text and re.search(r"\d\.\d{3}", told.text)
        assert root.get("aria-labelledby").split() == [title.get("id"), told.get("id")]


def test_the_same_inputs_give_the_same_bytes(whole, tmp_path):
    first, again, later = (tmp_path / f"{name}.html" for name in ("first", "again", "later"))
    write_report(whole, first, on=DAY)
    write_report(whole, again, on=DAY)
    write_report(whole, later, on=date(2027, 1, 2))
    assert first.read_bytes() == again.read_bytes()
    dated = later.read_text().replace("2027-01-02", "2026-11-21").replace("2 January 2027", "21 November 2026")
    assert dated == first.read_text()


def test_without_a_store_the_ids_are_shown(results, change):
    change(results / "replay" / "protocol.json", lambda about: about.update(store="elsewhere/store"))
    written = write_report(results, on=DAY)
    text = Page(written.path.read_text()).text
    assert "cannot say whether its shoppers are people" in text and "demo shop" not in text
    assert "The history is not at hand" in text and "Product number" not in text
    assert "titles and histories of the worst sessions" in dict(written.missing)


def test_a_store_that_is_given_is_read(results, change, shop):
    change(results / "replay" / "protocol.json", lambda about: about.update(store="elsewhere/store"))
    text = page_of(results, store=shop.path).text
    assert "Product number 1" in text and "This is the demo shop" in text
    assert f"shop report --runs {results.name} --store {shop.path.name}" in text


def test_one_system_is_reported_alone(results):
    runs = results / "replay" / "runs.jsonl"
    runs.write_text("".join(line for line in runs.open() if '"fused"' in line))
    text = page_of(results).text
    assert "fused was replayed alone" in text and "is ahead" not in text


def test_a_runs_folder_is_a_results_folder(results):
    assert write_report(results / "replay", on=DAY).path == results / "replay" / "report.html"


def test_a_real_replay_is_reported(small_store, tmp_path):
    replay(small_store, ["popularity", "item-knn"], out=tmp_path / "runs")
    page = page_of(tmp_path / "runs")
    assert "Of 2 systems" in page.text and page.row("item-knn") and page.row("popularity")
    assert "This is the demo shop" not in page.text, "the log was not recorded as the demo shop's"


def unfinished(results: Path) -> None:
    (results / "replay" / "runs.jsonl").rename(results / "replay" / "runs.partial.jsonl")


def cut(results: Path) -> None:
    path = results / "ablations" / "ablations.json"
    path.write_text(path.read_text()[:-20])


def another_shape(results: Path) -> None:
    (results / "ablations" / "settings.json").write_text(json.dumps({"low_resource": [{"portion": 0.1}]}))


def no_conversation(results: Path) -> None:
    (results / "simulate" / "conversations.jsonl").write_text('{"session_id": "s1"}\n')


def a_list(results: Path) -> None:
    (results / "understanding" / "simmc2.json").write_text("[]")


def changed_afterwards(results: Path) -> None:
    runs = results / "replay" / "runs.jsonl"
    runs.write_text(runs.read_text().replace('"rank": 5', '"rank": 4', 1))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (unfinished, "unfinished replay"),
        (cut, "ablations.json cannot be read"),
        (another_shape, "settings.json: KeyError 'share'"),
        (no_conversation, "conversations.jsonl line 1: not a conversation"),
        (a_list, "simmc2.json: got a list"),
        (changed_afterwards, "runs.jsonl line 1, rank: says 4"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_the_last_page_whole(whole, spoil, said):
    out = whole.parent / "page.html"
    out.write_text("the last page")
    spoil(whole)
    with pytest.raises(ShopError, match=re.escape(said)) as caught:
        write_report(whole, out, on=DAY)
    assert "\n" not in str(caught.value)
    assert out.read_text() == "the last page"
    assert [p.name for p in out.parent.iterdir() if p.name.endswith(".tmp")] == []


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(ShopError, match="is no folder"):
        write_report(tmp_path / "nowhere")
    with pytest.raises(RunError, match="holds no replay"):
        write_report(tmp_path)


def test_a_page_that_cannot_be_written_is_refused(results, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ShopError, match="cannot be written"):
        write_report(results, tmp_path / "file" / "page.html", on=DAY)
    with pytest.raises(ShopError, match="is a folder, expected a file"):
        write_report(results, tmp_path, on=DAY)


def test_the_command_writes_the_page_and_says_what_is_missing(results, tmp_path):
    out = tmp_path / "page.html"
    done = CliRunner().invoke(app, ["report", "--runs", str(results), "--out", str(out), "--date", "2026-11-21"])
    assert done.exit_code == 0, done.output
    assert str(out) in done.stdout and "without simulated shoppers; make them with: shop simulate" in done.stderr
    assert "21 November 2026" in out.read_text()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


SMALL_TEXT = """() => [...document.querySelectorAll('body *')].filter(e => !['title', 'desc'].includes(e.tagName)
    && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).map(e => {
        const svg = e.closest('svg');
        const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
        return [e.tagName + ' ' + e.textContent.slice(0, 20), parseFloat(getComputedStyle(e).fontSize) * scale];
    }).filter(([_, size]) => size < 13.9)"""

CUT_OFF = """() => [...document.querySelectorAll('svg text')].filter(text => {
    const box = text.getBoundingClientRect();
    return box.left < -1 || box.right > innerWidth + 1;
}).map(text => text.textContent)"""


@pytest.mark.parametrize("width", [375, 1280])
def test_the_page_fits_its_window(whole, browser, width):
    window = browser.new_context(viewport={"width": width, "height": 800})
    page = window.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda r: None if r.url.startswith("file:") else complaints.append(r.url))
    page.goto(write_report(whole, on=DAY).path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(SMALL_TEXT) == []
    assert complaints == []
    assert page.evaluate(CUT_OFF) == []
    window.close()


def test_no_place_of_this_machine_stands_on_the_page(whole, shop, tmp_path):
    page = write_report(whole, on=DAY, store=shop.path).path.read_text(encoding="utf-8")
    assert f"--store {shop.path.name}" in page and f"--runs {whole.name}" in page
    assert str(tmp_path) not in page and str(shop.path.parent) not in page

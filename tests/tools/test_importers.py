"""A shop's own files and its chats into a store: what is understood, what is refused and how, and what stays behind."""

import gzip
import json
import resource
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import polars as pl
import pytest

from shopping_assistant.assistant.session_log import SessionLog
from shopping_assistant.tools.cell_values import price_of
from shopping_assistant.tools.importers import ImportRefused, import_chats, import_source, import_table, read_log
from shopping_assistant.tools.sessions import by_user
from shopping_assistant.tools.store import Store

PRODUCTS = "product_id,title,price,size\n1,Black Boots,89.90,38|39\n2,Red Sneakers,59.00,\n"
EVENTS = (
    "session_id,timestamp,action,query,product_id,shown,position\n"
    's1,2026-01-01T10:00:00Z,search,black boots,,"[""1"", ""2""]",\n'
    "s1,2026-01-01T10:01:00Z,click,,1,,1\n"
    "s1,2026-01-01T10:02:00Z,purchase,,1,,\n"
)


@pytest.fixture
def shop(tmp_path):
    """``shop(products, events)`` imports two CSV texts and gives the store and the report."""

    def make(products=PRODUCTS, events=None, **options):
        (tmp_path / "products.csv").write_text(products)
        if events is not None:
            (tmp_path / "log.csv").write_text(events)
            options["events_path"] = tmp_path / "log.csv"
        report = import_table(tmp_path / "products.csv", tmp_path / "store", format="csv", **options)
        return Store.open(tmp_path / "store"), report

    make.folder = tmp_path
    return make


def refused(shop, *args, **options) -> str:
    """The refusal's text; nothing of a store may be left behind."""
    with pytest.raises(ImportRefused) as caught:
        shop(*args, **options)
    left = {p.name for p in shop.folder.iterdir()}
    assert left <= {"products.csv", "log.csv"}, left
    return str(caught.value)


def test_products_and_events_arrive_as_written(shop):
    store, report = shop(events=EVENTS, currency="EUR", name="Corner Shop")
    boots = store.catalog().product("1")
    assert (boots.title, boots.price, boots.currency, boots.size) == ("Black Boots", 89.9, "EUR", ("38", "39"))
    assert store.catalog().product("2").size == () and store.currency == "EUR" and store.name == "Corner Shop"
    ((user, (search, click, purchase)),) = by_user(store.events())
    assert user == "s1", "without user_id the session stands for the user"
    assert search.query == "black boots" and search.shown == ("1", "2")
    assert (click.product_id, click.position) == ("1", 1)
    assert purchase.timestamp == datetime(2026, 1, 1, 10, 2, tzinfo=UTC)
    assert (report.products, report.events, report.users, report.sessions, report.skipped_rows) == (2, 3, 1, 1, 0)
    assert store.damaged() == [] and "products.csv" in store.made_by("catalog")["files"]


def test_further_columns_become_typed_attributes(shop):
    store, report = shop(
        "product_id,title,Rating,model,tags,year,empty\n1,Boots,4.5,0501,warm|lined,2012.0,\n2,Shoes,4,0502,,2013.0,\n"
    )
    boots, shoes = store.catalog().product("1").attributes, store.catalog().product("2").attributes
    assert boots == {"Rating": 4.5, "model": "0501", "tags": ("warm", "lined"), "year": 2012}
    assert shoes == {"Rating": 4.0, "model": "0502", "year": 2013}
    assert store.catalog().is_numeric("Rating") and not store.catalog().is_numeric("model")
    assert any("Rating" in note for note in report.notes)


def test_columns_and_actions_by_other_names(shop):
    store, _ = shop(
        "sku,Name,Price\n1,Boots,5\n", "visit,when,what,sku\nv,1767261600,Viewed,1\nv,1767261660000,BUY,1\n",
        product_columns={"product_id": "sku", "title": "Name"},
        event_columns={"session_id": "visit", "timestamp": "when", "action": "what", "product_id": "sku"},
        action_values={"viewed": "click", "buy": "purchase"},
    )  # fmt: skip
    events = store.events()
    assert events["action"].to_list() == ["click", "purchase"]
    assert events["timestamp"][0] == datetime(2026, 1, 1, 10, tzinfo=UTC)
    assert (events["timestamp"][1] - events["timestamp"][0]).total_seconds() == 60, "milliseconds, then seconds"
    assert store.catalog().product("1").price == 5.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("49.90", (49.9, None)), ("€49.90", (49.9, "EUR")), ("$1,299.00", (1299.0, "USD")), ("49,90 €", (49.9, "EUR")),
        ("1.299,00", (1299.0, None)), ("1 299 kr", (1299.0, None)), ("EUR 49.90", (49.9, "EUR")),
        ("Rs. 1,29,900", (129900.0, "INR")), ("CHF 1'299.50", (1299.5, "CHF")), ("0", (0.0, None)),
        ("abc", None), ("-5", None), ("€-5", None), ("nan", None), ("12abc", None), ("$6 to $18", None), ("", None),
        ("1,2,3", None), ("1.2.3", None), ("$5 €", None), ("1, 2", None), ("12 34", None),
    ],
)  # fmt: skip
def test_prices_as_people_write_them(text, expected):
    assert price_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-01", "2026-01-01T00:00:00"), ("2026-01-01 10:30", "2026-01-01T10:30:00"),
        ("2026-01-01T10:30:00+02:00", "2026-01-01T08:30:00"), ("2026-01-01T10:30:00.25Z", "2026-01-01T10:30:00.250000"),
        ("1767225600", "2026-01-01T00:00:00"), ("1767225600500", "2026-01-01T00:00:00.500000"),
        ("1767225600.5", "2026-01-01T00:00:00.500000"),
    ],
)  # fmt: skip
def test_times_as_logs_write_them(shop, text, expected):
    store, _ = shop(events=f"session_id,timestamp,action,product_id\ns,{text},click,1\n")
    assert store.events()["timestamp"][0].replace(tzinfo=None) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("products", "place", "expected"),
    [
        ("product_id,title\n1,A\n,B\n", "products.csv line 3, product_id: got ''", "text that names the product"),
        ("product_id,title\n1,A\n2,B\n1,C\n", "line 4, product_id: got '1'", "line 2 has it already"),
        ("product_id,title\n1,\n", "products.csv line 2, title: got ''", "the product's title"),
        ("product_id,title,price\n1,A,abc\n", "line 2, price: got 'abc'", "≥ 0; correct the row or pass --skip-bad"),
        ("product_id,title,price\n1,A,-3\n", "line 2, price: got '-3'", "a number ≥ 0"),
        ("product_id,title,price\n1,A,nan\n", "line 2, price: got 'nan'", "a number ≥ 0"),
        ("product_id,title,price\n1,A,inf\n", "line 2, price: got 'inf'", "a number ≥ 0"),
        ('product_id,title,size\n1,A,"[""S"""\n', "line 2, size:", "a JSON list"),
        ("product_id,title,available\n1,A,maybe\n", "line 2, available: got 'maybe'", "true or false"),
        ("product_id,title,price,currency\n1,A,€5,USD\n", "line 2, price: got '€5'", "a price in USD"),
        ("product_id,title\n1,A,b\n", "line 2, (row): got 3 fields", "2 fields as in the header"),
        ('product_id,title\n1,"A\n2,B\n', "line 2, (row): got a quote that is never closed", "a closing quote"),
        ('product_id,title\n1,"A\nB"\n2,\n', "line 4, title", "the product's title"),
    ],
)  # fmt: skip
def test_a_bad_product_is_told_with_its_place(shop, products, place, expected):
    message = refused(shop, products)
    assert place in message and expected in message


@pytest.mark.parametrize(
    ("row", "place", "expected"),
    [
        ("s,2026-01-01,view,,1", "action: got 'view'", "--action view=click"),
        ("s,2026-01-01,,,1", "action: got ''", "one of search, click, purchase"),
        ("s,2026-01-01,search,,", "query: got ''", "the words of the search"),
        ("s,2026-01-01,click,,", "product_id: got ''", "its action is click"),
        ("s,2026-01-01,purchase,,", "product_id: got ''", "its action is purchase"),
        ("s,2026-01-01,click,,99", "product_id: got '99'", "a product of this catalogue"),
        ("s,2026-02-30,click,,1", "timestamp: got '2026-02-30'", "ISO 8601"),
        ("s,yesterday,click,,1", "timestamp: got 'yesterday'", "ISO 8601"),
        ("s,12,click,,1", "timestamp: got '12'", "ISO 8601"),
        (",2026-01-01,click,,1", "session_id: got ''", "the session"),
        ("s,2026-01-01,search,boots,,1|99", "shown: got '99'", "a product of this catalogue"),
        ("s,2026-01-01,click,,1,,0", "position: got '0'", "a whole number ≥ 1"),
    ],
)
def test_a_bad_event_is_told_with_its_place(shop, row, place, expected):
    row += "," * (6 - row.count(","))
    message = refused(shop, events="session_id,timestamp,action,query,product_id,shown,position\n" + row + "\n")
    assert f"log.csv line 2, {place}" in message and expected in message


def test_a_missing_column_is_named_with_its_remedy(shop):
    message = refused(shop, "sku,name\n1,A\n")
    assert "no column product_id; it has sku, name" in message and "--map product_id=sku" in message
    assert "--map title=name" in refused(shop, "product_id,name\n1,A\n")
    assert "has no column 'nope'" in refused(shop, product_columns={"product_id": "nope"})
    assert "expected one of product_id" in refused(shop, product_columns={"colour": "title"})
    assert "--map-event session_id=visit" in refused(shop, events="visit,timestamp,action\n1,2,3\n")
    assert "after the =" in refused(shop, events=EVENTS, action_values={"viewed": "look"})
    assert "there is none" in refused(shop, action_values={"viewed": "click"})


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("p.csv", b"", "is empty"),
        ("p.csv", b"\n", "no header"),
        ("p.csv", b"product_id,title\n", "no product is left"),
        ("p.csv.gz", b"product_id,title\n1,A\n", "is named .gz and is not gzip"),
        ("p.csv.gz", gzip.compress(b"product_id,title\n1,A\n" * 99, mtime=0)[:-20], "damaged gzip"),
        ("p.csv", "product_id,title\n1,A\n".encode("utf-16"), "UTF-16"),
        ("p.csv", b"product_id,title\n1,A\n2,caf\xe9\n", "line 3, title: got 'caf\\udce9', expected UTF-8 text"),
        ("p.csv", b"product_id,product_id\n1,A\n", "stands there twice"),
        ("p.jsonl", b'{"product_id": 1, "title": "A"}\n{"product_id": 2,\n', "p.jsonl line 2, (row)"),
        ("p.jsonl", b'{"product_id": 1, "title": "A"}\n[1]\n', "line 2, (row): got [1], expected one JSON object"),
        ("p.jsonl", b'{"product_id": 1, "title": "A", "price": NaN}\n', "line 1, price: got 'NaN'"),
        ("p.jsonl", b'{"product_id": 1, "title": "\\ud800"}\n', "line 1, title: got '\\ud800', expected UTF-8 text"),
        ("p.jsonl", b'[{"product_id": 1}, {"product_id": 2, "title": "B"}]', "no such"),
        ("p.parquet", b"PAR1 is not enough", "not a readable Parquet file"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    format = name.split(".")[1]
    with pytest.raises(ImportRefused) as caught:
        import_source(format, tmp_path / name, tmp_path / "store")
    if expected == "no such":
        expected = "p.jsonl item 1, title: got nothing"
    assert expected in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_skip_bad_counts_and_lists_what_it_leaves_out(shop):
    products = b"product_id,title,price\n1,A,5\n2,B,abc\n,,x\n4,D,7\n4,E,8\n5,caf\xe9,1\n6,F,1,2\n"
    (shop.folder / "products.csv").write_bytes(products)
    (shop.folder / "log.csv").write_text(
        "session_id,timestamp,action,product_id\ns,2026-01-01,click,1\ns,2026-01-02,click,2\n"
    )
    report = import_table(
        shop.folder / "products.csv", shop.folder / "store", format="csv", events_path=shop.folder / "log.csv",
        skip_bad=True,
    )  # fmt: skip
    store = Store.open(shop.folder / "store")
    assert store.catalog().ids == ["1", "4"] and store.catalog().product("4").title == "D"
    assert store.events()["product_id"].to_list() == ["1"], "an event on a product left out is left out with it"
    assert report.skipped_rows == 6
    bad = {("products.csv", n) for n in (3, 4, 6, 7, 8)} | {("log.csv", 3)}
    assert {(b.file, b.line) for b in report.skipped} == bad
    listed = [json.loads(line) for line in (store.path / "skipped.jsonl").read_text().splitlines()]
    assert {(b["file"], b["line"]) for b in listed} == bad
    assert any("6 bad rows" in line for line in report.lines())


def test_a_refusal_says_how_many_more(shop):
    assert "(1 more bad rows in this file)" in refused(shop, "product_id,title\n1,\n2,\n3,C\n")


def test_an_existing_store_is_replaced_only_when_asked(shop):
    store, _ = shop()
    chats = SessionLog(store.conversations_path)
    chats.searched("t1", "boots", ["1"])
    with pytest.raises(ImportRefused, match="--replace"):
        shop("product_id,title\n7,New\n")
    assert len(Store.open(store.path).catalog()) == 2
    with pytest.raises(ImportRefused, match="title"):
        shop("product_id,title\n7,\n", replace=True)
    assert len(Store.open(store.path).catalog()) == 2, "a refused import leaves the old store whole"
    store, _ = shop("product_id,title\n7,New\n", replace=True)
    assert store.catalog().ids == ["7"]
    kept = SessionLog(store.conversations_path)
    assert [e.query for e in kept.events()] == ["boots"], "conversations cannot be made again"
    kept.close()
    chats.close()
    assert {p.name for p in shop.folder.iterdir()} == {"products.csv", "store"}


def test_an_import_that_was_killed_leaves_nothing_for_good(shop):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    begun = shop.folder / f".store.{ended.pid}.importing"
    begun.mkdir()
    (begun / "catalog.parquet").write_bytes(b"half")
    store, _ = shop()
    assert not begun.exists()
    # Killed between the two renames: the store that was to be replaced is back before anything else happens.
    store.path.rename(shop.folder / f".store.{ended.pid}.replaced")
    with pytest.raises(ImportRefused, match="--replace"):
        shop()
    assert len(Store.open(store.path).catalog()) == 2


def test_a_folder_that_is_no_store_is_never_replaced(shop):
    (shop.folder / "store").mkdir()
    (shop.folder / "store" / "thesis.txt").write_text("years of work")
    with pytest.raises(ImportRefused, match="not an empty folder"):
        shop(replace=True)
    assert (shop.folder / "store" / "thesis.txt").exists()


def test_nothing_half_written_stays_when_writing_fails(shop):
    many = "product_id,title\n" + "".join(f"{n},Boots of kind {n}\n" for n in range(20_000))
    (shop.folder / "products.csv").write_text(many)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))  # as full as a disk can be
        with pytest.raises(ImportRefused, match=r"cannot be written.*nothing was left there"):
            import_table(shop.folder / "products.csv", shop.folder / "new" / "store", format="csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [p.name for p in shop.folder.iterdir()] == ["products.csv"]


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "json", "csv.gz", "parquet", "semicolons"])
def test_every_format_gives_the_same_store(tmp_path, kind):
    products = [
        {"product_id": "1", "title": "Wool coat", "price": 120.5, "size": ["S", "M"], "color": "navy", "warmth": 4,
         "tags": ["a", "b"]},
        {"product_id": "2", "title": "Linen shirt", "price": 49.0, "size": ["M"], "color": None, "warmth": 1,
         "tags": None},
    ]  # fmt: skip
    folder = tmp_path / "in"
    folder.mkdir()
    events = "session_id,user_id,timestamp,action,product_id\ns,u,2026-01-01,purchase,2\n"
    (folder / "events.csv.gz").write_bytes(gzip.compress(events.encode()))
    lines = "\n".join(json.dumps(p) for p in products)
    if kind == "parquet":
        pl.DataFrame(products).write_parquet(folder / "products.parquet")
    elif kind.startswith("jsonl"):
        content = lines.encode()
        (folder / f"products.{kind}").write_bytes(gzip.compress(content) if kind.endswith("gz") else content)
    elif kind == "json":
        (folder / "products.json").write_text(json.dumps(products, indent=1))
    else:
        sign = ";" if kind == "semicolons" else ","
        flat = [{k: "|".join(v) if isinstance(v, list) else v for k, v in p.items()} for p in products]
        text = pl.DataFrame(flat).write_csv(separator=sign)
        if kind == "semicolons":
            (folder / "products.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("120.5", "120,5").encode())
        else:
            (folder / "products.csv.gz").write_bytes(gzip.compress(text.encode()))
    format = {"json": "jsonl", "semicolons": "csv"}.get(kind, kind.split(".")[0])
    import_source(format, folder, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    coat, shirt = store.catalog().product("1"), store.catalog().product("2")
    assert (coat.price, coat.size, coat.color) == (120.5, ("S", "M"), "navy")
    assert coat.attributes == {"warmth": 4, "tags": ("a", "b")}
    assert (shirt.color, shirt.size, shirt.attributes) == (None, ("M",), {"warmth": 1})
    assert store.events()["user_id"].to_list() == ["u"], "the log beside the products is taken in"


def test_a_store_s_own_files_come_in_again(tmp_path, small_store):
    again = tmp_path / "again"
    import_table(small_store.path / "catalog.parquet", again, format="parquet",
                 events_path=small_store.path / "events.parquet")  # fmt: skip
    ours, theirs = Store.open(again).catalog(), small_store.catalog()
    assert [ours.at(n).attributes for n in range(len(ours))] == [theirs.at(n).attributes for n in range(len(theirs))]
    columns = [c for c in small_store.catalog().frame.columns if c != "attributes"]
    assert ours.frame.select(columns).equals(theirs.frame.select(columns))
    same = ["session_id", "user_id", "timestamp", "action", "query", "product_id", "position"]
    assert Store.open(again).events().select(same).equals(small_store.events().select(same))


def test_options_without_meaning_are_refused(tmp_path):
    for source, options, named in [
        ("csv", {"part": "week"}, "--part"),
        ("hm", {"currency": "EUR"}, "--currency"),
        ("myntra", {"product_columns": {"title": "x"}}, "--map"),
        ("chats", {"replace": True}, "--replace"),
    ]:
        with pytest.raises(ImportRefused, match=named):
            import_source(source, tmp_path, tmp_path / "store", **options)
    with pytest.raises(ImportRefused, match="does not exist"):
        import_source("csv", tmp_path / "no.csv", tmp_path / "store")
    with pytest.raises(ImportRefused, match="expected one of jsonl"):
        import_source("xml", tmp_path, tmp_path / "store")


def chat(path, *events):
    """conversations.sqlite as the assistant keeps it, with these events more."""
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS events (session_id TEXT, user_id TEXT, timestamp TEXT, action TEXT, query TEXT,"
            " product_id TEXT, shown TEXT, position INTEGER)"
        )
        database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", events)
    database.close()


def test_finished_chats_are_appended_once(small_store):
    first, second = small_store.catalog().ids[:2]
    before = len(small_store.events())
    chat(
        small_store.conversations_path,
        ("c1", None, "2026-05-01T10:00:00.0001+00:00", "search", "red dress", None, json.dumps([first, second]), None),
        ("c1", None, "2026-05-01T10:00:05+00:00", "click", None, second, None, 2),
        ("c1", None, "2026-05-01T10:00:09+00:00", "purchase", None, second, None, None),
        ("c2", "ann", "2026-05-01T11:00:00+00:00", "search", "boots", None, "[]", None),
    )  # fmt: skip
    report = import_chats(small_store.path, small_store.path)
    assert (report.events, report.sessions) == (3, 1)
    assert "1 hold no purchase yet" in report.notes[0]
    log = Store.open(small_store.path).events()
    assert len(log) == before + 3 and log[before]["shown"][0].to_list() == [first, second]
    assert log[before:]["user_id"].to_list() == ["c1"] * 3 and log["position"][before + 1] == 2

    again = import_chats(small_store.conversations_path, small_store.path)
    assert again.events == 0 and "1 conversations were in the log already" in again.notes[0]
    assert len(Store.open(small_store.path).events()) == before + 3

    chat(
        small_store.conversations_path,
        ("c2", "ann", "2026-05-01T11:05:00+00:00", "purchase", None, first, None, None),
        ("c1", None, "2026-05-02T09:00:00+00:00", "purchase", None, first, None, None),
    )
    later = import_chats(small_store.path, small_store.path)
    assert (later.events, later.sessions) == (3, 2), "a chat that finished, and one that went on"
    assert Store.open(small_store.path).damaged() == []


def test_thumbs_of_finished_chats_stand_beside_the_log(small_store):
    first, second = small_store.catalog().ids[:2]
    log = SessionLog(small_store.conversations_path)
    for thread in ("t1", "unfinished"):
        log.searched(thread, "red dress", [first, second])
        log.judged(thread, "up", product_id=second, position=2)
    log.judged("t1", "down", turn=1)
    log.judged("t1", None, turn=1)
    log.judged("t1", "down", product_id="gone from the shop")
    log.bagged("t1", second)
    log.close()
    before = len(small_store.events())
    report = import_chats(small_store.path, small_store.path)
    assert (report.events, len(Store.open(small_store.path).events())) == (2, before + 2), "a log knows nothing of them"
    assert "3 new thumbs stand beside the log, 1 on products that this store does not have" in report.notes[1]
    judged = Store.open(small_store.path).judgements()
    assert judged.select("session_id", "action", "product_id", "turn", "position").rows() == [
        ("t1", "like", second, None, 2), ("t1", "dislike", None, 1, None), ("t1", "unjudge", None, 1, None),
    ]  # fmt: skip
    import_chats(small_store.path, small_store.path)
    assert Store.open(small_store.path).judgements().equals(judged) and Store.open(small_store.path).damaged() == []


def test_a_file_of_chat_events_may_hold_thumbs(small_store, tmp_path):
    first, second = small_store.catalog().ids[:2]
    at = "2026-05-01T10:00:0{}+00:00"
    lines = [
        {"session_id": "c1", "timestamp": at.format(1), "action": "search", "query": "red dress", "shown": [first]},
        {"session_id": "c1", "timestamp": at.format(2), "action": "dislike", "product_id": first, "position": 1},
        {"session_id": "c1", "timestamp": at.format(3), "action": "purchase", "product_id": second},
    ]
    (tmp_path / "chats.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    before = len(small_store.events())
    assert import_chats(tmp_path / "chats.jsonl", small_store.path).events == 2
    opened = Store.open(small_store.path)
    assert len(opened.events()) == before + 2
    assert opened.judgements().select("user_id", "action", "product_id").rows() == [("c1", "dislike", first)]
    lines[1] |= {"product_id": None}
    (tmp_path / "chats.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    with pytest.raises(ImportRefused, match="session 'c1': a dislike of nothing; expected a product_id, or a turn"):
        import_chats(tmp_path / "chats.jsonl", small_store.path)


def test_what_the_assistant_logs_comes_in(small_store):
    first, second = small_store.catalog().ids[:2]
    log = SessionLog(small_store.conversations_path)
    log.searched("t1", "red dress", [first, second])
    log.clicked("t1", second, 2)
    log.bagged("t1", second)
    report = import_chats(small_store.path, small_store.path)  # while the assistant still has it open
    assert report.events == 3
    assert Store.open(small_store.path).events()[-3:].equals(log.frame("t1"))
    log.close()


def test_chats_come_from_event_files_too_and_from_a_store_without_a_log(tmp_path, shop):
    store, _ = shop()
    (tmp_path / "chats.csv").write_text(EVENTS)
    assert import_chats(tmp_path / "chats.csv", store.path).events == 3
    frame = Store.open(store.path).events()
    frame.write_parquet(tmp_path / "chats.parquet")
    assert import_chats(tmp_path / "chats.parquet", store.path).events == 0
    assert read_log(tmp_path / "chats.parquet", store.catalog()).equals(frame)


def test_a_chat_about_an_unknown_product_is_refused_or_skipped(small_store):
    chat(small_store.conversations_path, ("c", None, "2026-05-01T10:00:00Z", "purchase", None, "gone", None, None))
    before = len(small_store.events())
    with pytest.raises(ImportRefused, match=r"conversations.sqlite row 1, product_id: got 'gone'"):
        import_chats(small_store.path, small_store.path)
    assert import_chats(small_store.path, small_store.path, skip_bad=True).skipped_rows == 1
    assert len(Store.open(small_store.path).events()) == before


def test_no_chats_and_no_database(small_store, tmp_path):
    with pytest.raises(ImportRefused, match="does not exist"):
        import_chats(small_store.path, small_store.path)
    (tmp_path / "x.sqlite").write_bytes(b"this is not a database, though it is long enough to be one" * 20)
    with pytest.raises(ImportRefused, match="not a readable SQLite database"):
        import_chats(tmp_path / "x.sqlite", small_store.path)
    sqlite3.connect(tmp_path / "empty.sqlite").execute("CREATE TABLE other (a)").connection.close()
    with pytest.raises(ImportRefused, match="no table of events"):
        import_chats(tmp_path / "empty.sqlite", small_store.path)


def test_read_log_has_no_way_out_that_does_not_exist(shop, tmp_path):
    store, _ = shop()
    (tmp_path / "bad.csv").write_text("session_id,timestamp,action,product_id\ns,2026-01-01,click,99\n")
    with pytest.raises(ImportRefused) as caught:
        read_log(tmp_path / "bad.csv", store.catalog())
    assert "bad.csv line 2, product_id" in str(caught.value) and "--skip-bad" not in str(caught.value)

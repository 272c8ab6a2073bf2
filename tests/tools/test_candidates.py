"""Candidates of all parts: who is named under a mask, and each feature against a slow plain computation."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch

from shopping_assistant.tools.attribute_values import AttributeValues
from shopping_assistant.tools.bought_together import BoughtTogether
from shopping_assistant.tools.candidates import (
    AGE_WEIGHT,
    FEW,
    LEAST_LIKELIHOOD,
    PARTS,
    POPULAR,
    RECENT,
    CandidateMaker,
    Candidates,
    Said,
    all_of,
)
from shopping_assistant.tools.catalog import Catalog, Product
from shopping_assistant.tools.session_encoder import CLICK, PURCHASE, QUERY, Encoder, SessionEncoder, Token
from shopping_assistant.tools.sessions import Event, frame_of

START = datetime(2026, 1, 1, tzinfo=UTC)
N, DIM = 520, 8
NOBODY = Said((), (), ())
ASKED = {"boots": np.ones(6, np.float32)}
DRAW = np.random.default_rng(11)
CATALOG = Catalog.from_products(
    [
        Product(
            f"p{i}", f"{'abcdefghij'[i % 10]}x kind {i % 26} thing", category=f"kind {i % 26}", color=f"color {i % 7}",
            brand=f"brand {i // 8}", price=None if i % 9 == 0 else float(5 + i % 50),
        )
        for i in range(N)
    ]
)  # fmt: skip


def unit(rows: int) -> np.ndarray:
    vectors = DRAW.standard_normal((rows, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


TITLES = unit(N)


@pytest.fixture(scope="module")
def network() -> Encoder:
    torch.manual_seed(1)
    return Encoder(AttributeValues.learn(CATALOG).sizes, 6, dim=DIM, layers=1, heads=2, length=20)


@pytest.fixture(scope="module")
def maker(network) -> CandidateMaker:
    attributes = AttributeValues.learn(CATALOG)
    # Whoever buys p<i> buys p<i + 1> and p<i + 3>; the products from 400 on are new.
    events = [
        Event(f"u{i}", f"u{i}", START + timedelta(minutes=place), "purchase", None, f"p{(i + step) % 400}")
        for i in range(600)
        for place, step in enumerate((0, 1, 3))
    ]
    together = BoughtTogether.learn(CATALOG, frame_of(events), attributes)
    table = np.column_stack([unit(N), 0.3 * np.log1p(together.count)]).astype(np.float32)
    return CandidateMaker(SessionEncoder(network, attributes, table), together, TITLES, CATALOG.numbers("price"))


SESSIONS = [
    [Token(CLICK, 31), Token(QUERY, query="boots"), Token(PURCHASE, 8), Token(CLICK, 450)],
    [],
    [Token(PURCHASE, i) for i in (3, 70, 9, 140, 9, 200, 17, 60, 41, 300, 399, 12, 55)],
]
SAIDS = [Said((5, 31, 400), (7, 8), (100, 7)), NOBODY, Said((12, 9), (), ())]


def found(maker, sessions=SESSIONS, saids=SAIDS, masks=None, likelihoods=None) -> Candidates:
    queries = np.zeros((len(sessions), DIM), np.float32)
    for b, session in enumerate(sessions):
        if any(t.kind == QUERY for t in session):
            queries[b] = TITLES[77]
    named = maker.named(sessions, saids, ASKED, queries, masks or [None] * len(sessions))
    if likelihoods is not None:
        likelihoods = [likelihoods[rows] for rows in named.lists()]
    return maker.described(named, likelihoods)


def by_part(made: Candidates, b: int) -> dict[str, set[int]]:
    return {part: set(made.rows[b][(made.sources[b] >> i & 1).astype(bool)].tolist()) for i, part in enumerate(PARTS)}


def test_every_part_names_its_own(maker):
    made = found(maker)
    assert made.rows.shape == made.sources.shape == made.features.shape[:2]
    assert made.features.shape[2] == len(maker.names) and made.features.dtype == np.float32
    named = by_part(made, 0)
    assert named["falcon"] == {5, 31, 400} and named["memory"] == {7, 8, 100}
    scores = maker.encoder.encode(SESSIONS, ASKED) @ maker.encoder.table.T
    assert named["session"] == set(np.argsort(-scores[0], kind="stable")[:200].tolist())
    for row in (450, 8, 77):  # the two latest products and what was asked
        assert set(np.argsort(-(TITLES @ TITLES[row]))[:20].tolist()) <= named["titles"]
    # Of the same brand, and of the same category, which 20 products share.
    assert {row for row in range(N) if row // 8 in (450 // 8, 8 // 8, 31 // 8)} <= named["attributes"]
    assert {9, 11, 32, 34} <= named["together"] and not named["together"] & set(range(400, N))
    assert len(named["popularity"]) == POPULAR
    assert by_part(made, 1) | {"session": 0} == {p: set() for p in PARTS} | {
        "session": 0,
        "popularity": named["popularity"],
    }


def test_no_candidate_stands_twice_and_rows_ascend(maker):
    made = found(maker)
    for rows, sources, features in zip(made.rows, made.sources, made.features, strict=True):
        own = rows[rows >= 0]
        assert (np.diff(own) > 0).all() and (rows[len(own) :] == -1).all()
        assert (sources[: len(own)] > 0).all() and not sources[len(own) :].any() and not features[len(own) :].any()
        assert np.isfinite(features).all()


@pytest.mark.parametrize("kept", [0, 1, FEW, FEW + 1, N - 30])
def test_only_what_the_masks_keep_is_named(maker, kept):
    draw = np.random.default_rng(kept)
    masks = []
    for _ in SESSIONS:
        mask = np.zeros(N, bool)
        mask[draw.permutation(N)[:kept]] = True
        masks.append(mask)
    made = found(maker, masks=masks)
    for rows, mask in zip(made.rows, masks, strict=True):
        own = rows[rows >= 0]
        assert mask[own].all()
        if kept <= FEW:
            assert own.tolist() == np.flatnonzero(mask).tolist()
    if kept == FEW:
        # With few to choose from all are candidates of every part: none is lost when a part is switched off.
        assert (made.sources == (1 << len(PARTS)) - 1).all()


def test_a_history_is_described_alone_as_in_a_batch(maker):
    likelihoods = -np.random.default_rng(3).random((N, 2)).astype(np.float64) * 9
    together = found(maker, likelihoods=likelihoods)
    for b in range(len(SESSIONS)):
        alone = found(maker, SESSIONS[b : b + 1], SAIDS[b : b + 1], likelihoods=likelihoods)
        own = together.rows[b] >= 0
        assert alone.rows[0].tolist() == together.rows[b][own].tolist()
        assert alone.sources[0].tolist() == together.sources[b][own].tolist()
        assert alone.features[0] == pytest.approx(together.features[b][own], abs=1e-4)


def slowly(maker, session, said, rows, likelihoods, session_vector, asked) -> dict[str, list[float]]:
    """Every feature of one history's candidates, as their names say, one at a time."""
    catalog, together = CATALOG, maker.together
    names = list(maker.encoder.attributes.values)
    latest = []
    for token in reversed(session):
        if token.row >= 0 and token.row not in latest:
            latest.append(token.row)
    latest = latest[:RECENT]
    weights = np.array([AGE_WEIGHT**age for age in range(len(latest))])
    weights = weights / weights.sum() if len(latest) else weights
    values = maker.encoder.attributes.numbers(catalog)
    likely = [max(sum(likelihoods[r]), LEAST_LIKELIHOOD) for r in rows]
    scores = [float(maker.encoder.table[r] @ session_vector) for r in rows]
    place = {row: 1 + i for i, row in reversed(list(enumerate(said.written)))}
    remembered = {row: 1 + i for i, row in reversed(list(enumerate(said.remembered)))}
    shown = {row: 1 + i for i, row in reversed(list(enumerate(said.shown)))}
    logs = {r: np.log(catalog.at(r).price) for r in {*latest, *rows} if catalog.at(r).price}
    priced = [(w, logs[r]) for w, r in zip(weights, latest, strict=True) if r in logs]
    usual = sum(w * p for w, p in priced) / sum(w for w, _ in priced) if priced else None
    out: dict[str, list[float]] = {name: [] for name in maker.names}

    def lift(i, own, other):
        return float(together.lifts[i][values[own, i], values[other, i]])

    for at, r in enumerate(rows):
        cosines = [float(TITLES[r] @ TITLES[own]) for own in latest]
        bought = [(dict(zip(*(x.tolist() for x in together.near(own)), strict=True))).get(r, 0.0) for own in latest]
        summed = sum(AGE_WEIGHT**age * c for age, c in enumerate(bought))
        told = {
            "falcon: log-likelihood": likely[at],
            "falcon: log-likelihood below the best": likely[at] - max(likely),
            "falcon: log-likelihood of the first code": max(likelihoods[r][0], LEAST_LIKELIHOOD),
            "falcon: 1 / (1 + rank)": 1 / (1 + place[r]) if r in place else 0,
            "session: score": scores[at],
            "session: score below the best": scores[at] - max(scores),
            "session: log rank": np.log1p(
                sum(s > scores[at] or (s == scores[at] and i < at) for i, s in enumerate(scores))
            ),
            "titles: to the last product": cosines[0] if latest else 0,
            "titles: to all products": float(np.dot(weights, cosines)),
            "titles: nearest": max(cosines, default=-1),
            "titles: to the query": float(TITLES[r] @ asked),
            "attributes: price apart": abs(logs[r] - usual) if r in logs and usual is not None else 0,
            "together: cosine": summed,
            "together: log cosine": np.log1p(100 * summed),
            "together: best": max(bought, default=0),
            "memory: 1 / (1 + position)": 1 / (1 + remembered[r]) if r in remembered else 0,
            "memory: shown at 1 / (1 + position)": 1 / (1 + shown[r]) if r in shown else 0,
            "memory: shown": r in shown,
            "popularity: log count": np.log1p(together.count[r]),
            "popularity: never bought": together.count[r] == 0,
            "popularity: log length of the history": np.log1p(sum(t.row >= 0 for t in session)),
            "popularity: asked something": any(t.kind == QUERY for t in session[-3:]),
        }
        for i, name in enumerate(names):
            same = [w for w, own in zip(weights, latest, strict=True) if values[own, i] == values[r, i] > 0]
            told[f"attributes: same {name}"] = sum(same)
            lifts = [lift(i, own, r) for own in latest]
            told[f"attributes: {name} worn together"] = float(np.dot(weights, lifts))
            told[f"attributes: {name} worn together, best"] = max(lifts, default=-5)
        for name, value in told.items():
            out[name].append(float(value))
    return out


@pytest.mark.parametrize("case", range(len(SESSIONS)))
def test_features_are_what_their_names_say(maker, case):
    likelihoods = -np.random.default_rng(3).random((N, 2)).astype(np.float64) * 25  # some below the least
    made = found(maker, likelihoods=likelihoods)
    rows = made.rows[case][made.rows[case] >= 0].tolist()
    vector = maker.encoder.encode(SESSIONS, ASKED)[case]
    asked = TITLES[77] if case == 0 else np.zeros(DIM)
    expected = slowly(maker, SESSIONS[case], SAIDS[case], rows, likelihoods, vector, asked)
    assert list(expected) == list(maker.names)
    for i, name in enumerate(maker.names):
        assert made.features[case, : len(rows), i] == pytest.approx(np.array(expected[name]), abs=2e-3), name


def test_without_a_language_model_its_features_say_the_least(maker):
    made = found(maker)
    here = made.rows >= 0
    assert (made.features[here][:, maker.names.index("falcon: log-likelihood")] == LEAST_LIKELIHOOD).all()
    assert (made.features[here][:, maker.names.index("falcon: log-likelihood below the best")] == 0).all()


def test_twins_have_their_places_in_the_order_of_rows(maker, network):
    """Products alike in all the encoder knows: an order that a batch's width decides would not repeat."""
    table = maker.encoder.table.copy()
    table[:] = table[0]
    twins = CandidateMaker(
        SessionEncoder(network, maker.encoder.attributes, table), maker.together, TITLES,
        CATALOG.numbers("price"),
    )  # fmt: skip
    made = found(twins, [SESSIONS[0]], [SAIDS[0]])
    ranks = made.features[0, :, twins.names.index("session: log rank")]
    assert ranks == pytest.approx(np.log1p(np.arange(len(ranks))), abs=1e-5)


def test_an_index_that_was_kept_is_the_one_made_anew(maker, tmp_path):
    maker.save(tmp_path)
    for damaged in (False, True):
        if damaged:
            (tmp_path / "by_title.safetensors").write_bytes(b"\x00" * 20)
        again = CandidateMaker(maker.encoder, maker.together, TITLES, CATALOG.numbers("price"), tmp_path)
        assert (found(again).rows == found(maker).rows).all()


def test_scores_of_all_products_keep_the_others_behind_in_their_order():
    floor = np.array([[3.0, 9.0, -2.0, 5.0, 4.0], [0.0, 0.0, 1.0, 0.0, 0.0]], np.float32)
    scores = np.array([[-4.0, 2.5, -np.inf], [-np.inf, -np.inf, -np.inf]], np.float32)
    rows = np.array([[0, 2, 3], [-1, -1, -1]])
    made = all_of(scores, rows, floor)
    assert np.argsort(-made[0]).tolist() == [2, 0, 1, 3, 4]
    assert np.argsort(-made[1], kind="stable").tolist() == [2, 0, 1, 3, 4]
    assert np.isfinite(made).all()

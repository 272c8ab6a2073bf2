"""Scores of given candidates: those of plain forwards, whatever the batch, the order and the model's architecture."""

import numpy as np
import pytest

from shopping_assistant.finetune.tokenizer import train_tokenizer
from shopping_assistant.tools import candidate_scoring
from shopping_assistant.tools.candidate_scoring import CandidateScorer
from shopping_assistant.tools.decoding import AnswerWriter, DecodingError
from tests.tools.test_decoding import CATALOG, KINDS, PROMPTS, brute_force, codes_of


@pytest.fixture(scope="module", params=KINDS)
def writer(request) -> AnswerWriter:
    levels, base, make = KINDS[request.param]
    codes = codes_of(levels, base)
    tokenizer = train_tokenizer(CATALOG.titles, codes, 400)
    return AnswerWriter(make(len(tokenizer)), tokenizer, codes, title_tokens=6)


@pytest.fixture(scope="module")
def true_scores(writer) -> list[np.ndarray]:
    return [brute_force(writer, prompt) for prompt in PROMPTS]


def test_every_candidate_scores_as_its_id_does_in_a_forward_of_its_own(writer, true_scores):
    draw = np.random.default_rng(1)
    # Of one prompt all products, of another a few, some twice; in no order.
    candidates = [draw.permutation(40), np.array([7, 31, 7, 2]), draw.integers(0, 40, 15)]
    found = CandidateScorer(writer).score(PROMPTS, candidates)
    for own, rows, expected in zip(found, candidates, true_scores, strict=True):
        assert own == pytest.approx(expected[rows], abs=1e-3)


def test_candidates_of_the_beam_score_what_the_beam_says(writer):
    written = writer.write(PROMPTS, beams=5)
    rows = [np.array([row for row, _ in answer.candidates]) for answer in written]
    for own, answer in zip(CandidateScorer(writer).score(PROMPTS, rows), written, strict=True):
        assert own == pytest.approx([score for _, score in answer.candidates], abs=1e-3)


def test_a_prompt_without_candidates_and_no_prompt_at_all(writer, true_scores):
    scorer = CandidateScorer(writer)
    found = scorer.score(PROMPTS, [np.zeros(0), np.array([3]), []])
    assert [len(own) for own in found] == [0, 1, 0]
    assert found[1] == pytest.approx(true_scores[1][[3]], abs=1e-3)
    assert scorer.score([], []) == []


@pytest.mark.parametrize("logits", [1, 30_000])
def test_small_batches_give_the_same_scores(writer, monkeypatch, logits):
    many = [PROMPTS[i % 3] for i in range(7)]
    rows = [np.arange(i, 40, 3) for i in range(7)]
    together = CandidateScorer(writer).score(many, rows)
    monkeypatch.setattr(candidate_scoring, "LOGITS", logits)
    for own, alone in zip(together, CandidateScorer(writer).score(many, rows), strict=True):
        assert own == pytest.approx(alone, abs=1e-3)


@pytest.mark.parametrize("rows", [[40], [-1], [[1, 2]]])
def test_what_is_no_list_of_products_is_refused(writer, rows):
    with pytest.raises(DecodingError, match="expected a list of product rows, 0 to 39"):
        CandidateScorer(writer).score(PROMPTS[:1], [np.array(rows)])


def test_a_list_for_each_prompt_is_expected(writer):
    with pytest.raises(DecodingError, match="1 lists of candidates: expected one a prompt, 3"):
        CandidateScorer(writer).score(PROMPTS, [[1]])

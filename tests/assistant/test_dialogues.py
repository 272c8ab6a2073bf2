"""Conversations over the demo shop, each written as a case in `dialogues/`; see `dialogue.py` for the form."""

import shutil
from collections import Counter

import pytest

from shopping_assistant.assistant.conversation import Assistant
from tests.assistant.dialogue import Dialogue, hold, read_all

ALL = dict(read_all())


@pytest.fixture(scope="module")
def assistant(demo_store, tmp_path_factory):
    opened = Assistant.open(shutil.copytree(demo_store, tmp_path_factory.mktemp("shop") / "store"))
    yield opened
    opened.close()


@pytest.mark.parametrize("case", ALL, ids=str)
def test_dialogue(assistant, case):
    wrong = hold(assistant, ALL[case], case)
    assert not wrong, "\n".join(["", *wrong])


def test_every_name_is_there_once():
    names = Counter(name.split("/")[1] for name, _ in read_all())
    assert not [name for name, n in names.items() if n > 1]


def test_the_check_finds_what_is_wrong(assistant):
    """A case whose every expectation is false is reported line by line: the check can fail."""
    turns = [
        {"say": "black ankle boots under 120", "act": "undo", "holds": ["color in red"], "only": ["size"],
         "gone": ["price"],
         "every": {"color": "red"}, "none": {"category": "ankle boots"}, "first": {"price": "> 500"}, "shows": False,
         "same_list": True, "new_list": False, "cheaper": True, "targets": [1], "target_has": {"color": "red"},
         "asked": ["price"], "question": "heel height", "relaxed": ["color"], "bag": 3, "tools": ["compare"],
         "reply_has": ["no such words"], "reply_lacks": ["boots"]},
    ]  # fmt: skip
    found = "\n".join(hold(assistant, Dialogue(name="wrong", about="search", turns=turns), "all-wrong"))
    for part in ("act search", "no wish 'color in red'", "wishes are about", "still a wish about 'price'",
                 "has color black",
                 "has category ankle boots", "the first is", "products shown", "the list is another", "dearest",
                 "targets",
                 "asked", "question", "set aside", "in the bag", "tools", "reply lacks", "reply has"):  # fmt: skip
        assert part in found, part

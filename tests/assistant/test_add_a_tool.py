"""docs/add-a-tool.md, done as it says: its file is written, its line added, and the assistant talked to."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import shopping_assistant.assistant as installed
from shopping_assistant.assistant.agent_tools.desk import Nothing, ToolResult, tool
from shopping_assistant.assistant.tool_ear import ToolEar

ROOT = Path(__file__).parent.parent.parent
_BLOCK = re.compile(r"^`(?P<where>[^`]+)`:\n\n```(?P<kind>\w+)\n(?P<text>.*?)^```", re.M | re.S)


@pytest.fixture(scope="module")
def page() -> dict[str, str]:
    """The page's blocks by the place named above each."""
    found = {m["where"]: m["text"] for m in _BLOCK.finditer((ROOT / "docs/add-a-tool.md").read_text(encoding="utf-8"))}
    assert len(found) == 4
    return found


@pytest.fixture
def tree(tmp_path) -> Path:
    """A copy of the assistant beside the other parts, as `PYTHONPATH`."""
    package = tmp_path / "tree" / "shopping_assistant"
    package.mkdir(parents=True)
    parts = Path(next(iter(installed.__path__))).parent
    for part in ("tools", "finetune", "eval", "ui"):
        (package / part).symlink_to(parts / part)
    shutil.copytree(parts / "assistant", package / "assistant", ignore=shutil.ignore_patterns("__pycache__"))
    return package.parent


def patched(text: str, diff: str) -> str:
    """``text`` with a diff of added lines; the lines around them must be there."""
    before = "".join(line[1:] + "\n" for line in diff.splitlines() if not line.startswith("+"))
    after = "".join(line[1:] + "\n" for line in diff.splitlines())
    assert text.count(before) == 1, f"toolbox.py does not have these lines any more:\n{before}"
    return text.replace(before, after)


def test_the_page_works_as_it_stands(page, tree, store):
    tool_file, toolbox = "assistant/agent_tools/shop_information.py", "assistant/toolbox.py"
    assert page[toolbox].count("\n+") == 1  # one line
    (store.path / "shop-information.json").write_text(page["stores/mine/shop-information.json"], encoding="utf-8")
    (tree / "shopping_assistant" / tool_file).write_text(page[tool_file], encoding="utf-8")
    registered = tree / "shopping_assistant" / toolbox
    registered.write_text(patched(registered.read_text(encoding="utf-8"), page[toolbox]), encoding="utf-8")

    lines = page["shop ask --store stores/mine"].splitlines()
    said, replies = [x.removeprefix("you: ") for x in lines[::2]], lines[1::2]
    # The page's conversation, with shopping in between that must still be shopping.
    told = ["black ankle boots, not leather", *said, "cheaper"]
    done = subprocess.run(
        [sys.executable, "-m", "shopping_assistant.ui.cli", "ask", "--json", "--store", str(store.path)],
        input="\n".join(told), capture_output=True, text=True, timeout=240,
        env={**os.environ, "PYTHONPATH": str(tree)}, cwd=tree,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, *asked, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert [t["reply"] for t in asked] == replies
    assert all([c["name"] for c in t["tools"]] == ["shop_information"] and not t["products"] for t in asked)
    assert first["products"] and last["products"]
    held = [c for c in last["constraints"] if c["attribute"] != "price"]
    assert held == [c for t in asked for c in t["constraints"]][: len(held)] == first["constraints"]


@pytest.fixture(scope="module")
def ear() -> ToolEar:
    @tool(Nothing, hears={"do you sell gift cards?": {"a": 1}, "can I pay with a voucher?": {"a": 2},
                          "how does a gift card work?": {"a": 1}})  # fmt: skip
    def gift_cards(desk, given) -> ToolResult:
        """Gift cards of this shop, and paying with them."""
        return ToolResult({})

    return ToolEar([gift_cards])


@pytest.mark.parametrize(
    ("sentence", "given"),
    [
        ("do you do gift cards as well?", 1),
        ("I'd like a gift card for 50 euros, do you have those?", 1),
        ("is paying by voucher possible?", 2),
    ],
)
def test_sentences_that_mean_the_same_reach_a_tool(ear, sentence, given):
    assert ear.heard(sentence) == ("gift_cards", {"a": given})


@pytest.mark.parametrize(
    "sentence",
    [
        "a gift for my mother, she likes scarves", "a card holder in brown leather", "do you sell trainers?",
        "can I pay less?", "how does this one fit?", "put it in my bag", "hello", "",
    ],
)  # fmt: skip
def test_shopping_is_not_taken_for_a_tool(ear, sentence):
    assert ear.heard(sentence) is None


def test_without_such_tools_nothing_is_listened_for():
    assert ToolEar([]).heard("do you sell gift cards?") is None

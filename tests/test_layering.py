"""Who may import whom: read from the source, so that a wall cannot be crossed unseen."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "shopping_assistant"
ALLOWED = {
    "tools": {"tools"},
    "finetune": {"finetune", "tools"},
    "assistant": {"assistant", "tools"},
    "eval": {"eval", "assistant", "tools"},
    "ui": {"ui", "assistant"},
}
# The command line is the one door to every part.
OPEN_DOORS = {Path("ui/cli.py"), Path("ui/conversation_commands.py"), Path("ui/evaluation_commands.py")}
# Plain Python: a tool must be usable without the agent and its page.
BANNED_IN_TOOLS = {"langgraph", "langchain", "langchain_core", "gradio"}


def imported_modules(path: Path) -> set[str]:
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write shopping_assistant.…"
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return modules


def sources(part: str) -> list[Path]:
    found = sorted((ROOT / part).rglob("*.py"))
    assert found, f"{part}/ holds no Python file"
    return found


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_stay_within_the_walls(part):
    for path in sources(part):
        if path.relative_to(ROOT) in OPEN_DOORS:
            continue
        for module in imported_modules(path):
            names = module.split(".")
            if names[0] == PACKAGE and len(names) > 1:
                assert names[1] in ALLOWED[part], f"{path.relative_to(ROOT)} imports {module}"


def test_tools_are_plain_python():
    for path in sources("tools"):
        crossed = {m.split(".")[0] for m in imported_modules(path)} & BANNED_IN_TOOLS
        assert not crossed, f"{path.relative_to(ROOT)} imports {crossed}"

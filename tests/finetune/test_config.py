"""Settings files: checked, typed, and refused with the key, the value and the remedy."""

from dataclasses import asdict, dataclass, field

import pytest

from shopping_assistant.finetune import config
from shopping_assistant.finetune.config import ConfigError


@dataclass(frozen=True)
class Inner:
    rate: float = 0.1
    steps: int = 10


@dataclass(frozen=True)
class Settings:
    base: str | None = None
    batch: int = 8
    shuffle: bool = True
    sizes: tuple[int, ...] = (1, 2)
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self):
        if self.batch < 1:
            raise ValueError(f"batch: got {self.batch}, expected 1 or more")


def load(tmp_path, text, cls=Settings):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    return config.load(path, cls)


def test_nested_settings_and_the_numbers_yaml_reads_as_text(tmp_path):
    got = load(tmp_path, "base: null\nbatch: 4\nsizes: [3, 4, 5]\ninner: {rate: 2e-5}\n")
    assert got == Settings(None, 4, True, (3, 4, 5), Inner(2e-5, 10))


def test_an_empty_file_is_all_defaults(tmp_path):
    assert load(tmp_path, "# nothing\n") == Settings()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bach: 3", "bach: unknown setting; did you mean 'batch'"),
        ("inner: {stepps: 3}", "inner, stepps: unknown setting; did you mean 'steps'"),
        ("batch: many", "batch: got 'many', expected a whole number"),
        ("batch: true", "expected a whole number"),
        ("shuffle: 1", "expected true or false"),
        ("batch: 0", "batch: got 0, expected 1 or more"),
        ("sizes: 3", "sizes: got 3, expected a list"),
        ("inner: {rate: fast}", "inner, rate: got 'fast', expected a number"),
        ("- a\n- b", "expected keys and values"),
        ("a: [", "not a YAML file"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, says):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)
    assert says in str(refused.value)
    assert "run.yaml" in str(refused.value)


@dataclass(frozen=True)
class Younger:
    rate: float = 0.1
    share: float = field(default=0.5, metadata=config.LATER)


@dataclass(frozen=True)
class Outer:
    name: str = "x"
    inner: Younger = field(default_factory=Younger)
    sizes: tuple[int, ...] = (1, 2)


def test_a_later_setting_at_its_default_is_no_part_of_what_describes_a_model():
    assert config.described(Outer()) == {"name": "x", "inner": {"rate": 0.1}, "sizes": (1, 2)}
    changed = Outer(inner=Younger(rate=0.1, share=0.4))
    assert config.described(changed) == asdict(changed)


def test_packaged_settings_by_name():
    assert config.packaged_config("falcon-demo").name == "falcon-demo.yaml"
    with pytest.raises(ConfigError, match=r"falcon-demo\.yaml"):
        config.packaged_config("no-such-run.yaml")
    with pytest.raises(ConfigError):
        config.packaged_config("../config.py")


def test_every_packaged_file_opens_with_the_command_that_runs_it():
    files = sorted(config.CONFIGS.glob("*.yaml"))
    assert files
    for path in files:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# shop ") and path.name in first, path.name

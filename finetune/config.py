"""Settings of a run: a YAML file to a checked, frozen dataclass. Unknown keys are refused."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from pathlib import Path
from typing import Any, Literal, TypeVar, Union

from shopping_assistant.tools.errors import ShopError

CONFIGS = Path(__file__).parent / "configs"
# `field(default=…, metadata=LATER)`: a setting younger than models in use; at its default it changes nothing of them.
LATER = {"came_later": True}
T = TypeVar("T")


class ConfigError(ShopError):
    """A settings file that cannot be used: names the file, the key, the value, what was expected."""


def packaged_config(name: str) -> Path:
    """A YAML file that travels with the package, by its name.

    Raises:
        ConfigError: there is none of that name.
    """
    path = CONFIGS / name
    if path.suffix != ".yaml":
        path = path.with_name(path.name + ".yaml")
    if path.parent != CONFIGS or not path.is_file():
        known = sorted(p.name for p in CONFIGS.glob("*.yaml"))
        raise ConfigError(f"no settings file {name!r}: give a path to a YAML file, or one of {', '.join(known)}")
    return path


def load(path: Path | str, cls: type[T]) -> T:
    """Read a YAML file into the dataclass ``cls``; nested mappings become nested dataclasses.

    Raises:
        ConfigError: the file is missing or no mapping, a key is unknown (the nearest one is named) or missing, or a
            value has the wrong type or is refused by the dataclass itself.
    """
    import yaml

    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give the path of a YAML file") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a YAML file ({' '.join(str(error).split())})") from error
    return from_mapping({} if content is None else content, cls, str(path))


def from_mapping(content: object, cls: type[T], where: str) -> T:
    """A mapping as the dataclass ``cls``; ``where`` opens every message."""
    if not isinstance(content, dict):
        raise ConfigError(f"{where}: got {_shown(content)}, expected keys and values")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    values = {}
    for key, value in content.items():
        if key not in fields:
            raise ConfigError(f"{where}, {key}: unknown setting{_nearest(str(key), list(fields))}")
        values[key] = _value(value, hints[key], f"{where}, {key}")
    for name, f in fields.items():
        needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if needed and name not in values:
            raise ConfigError(f"{where}: the setting {name!r} is missing, expected {_name(hints[name])}")
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


def described(settings: object) -> dict[str, Any]:
    """The settings as plain values, to tell by them whether a model would come out the same.

    Those marked ``LATER`` are left out at their default: a model made before they existed is not stale for that.
    """
    out = {}
    for f in dataclasses.fields(settings):
        value = getattr(settings, f.name)
        if f.metadata.get("came_later") and value == f.default:
            continue
        out[f.name] = described(value) if dataclasses.is_dataclass(value) else value
    return out


def _nearest(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; expected one of {', '.join(known)}"


def _value(value: Any, hint: Any, where: str) -> Any:
    """``value`` as the type ``hint`` asks; YAML's own reading of ``2e-5`` (text) is put right."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, types.UnionType):
        return _one_of(value, args, where)
    if origin is Literal:
        if value not in args:
            raise ConfigError(f"{where}: got {_shown(value)}, expected one of {', '.join(map(str, args))}")
        return value
    if dataclasses.is_dataclass(hint):
        return from_mapping(value, hint, where)
    if origin in (list, tuple):
        if not isinstance(value, list):
            raise ConfigError(f"{where}: got {_shown(value)}, expected a list")
        kinds = args if origin is tuple and Ellipsis not in args else (args[0],) * len(value)
        if len(kinds) != len(value):
            raise ConfigError(f"{where}: got {len(value)} values, expected {len(kinds)}")
        return origin(_value(v, k, f"{where}[{i}]") for i, (v, k) in enumerate(zip(value, kinds, strict=True)))
    if origin is dict:
        if not isinstance(value, dict):
            raise ConfigError(f"{where}: got {_shown(value)}, expected keys and values")
        return {_value(k, args[0], where): _value(v, args[1], f"{where}, {k}") for k, v in value.items()}
    return _plain(value, hint, where)


def _plain(value: Any, hint: Any, where: str) -> Any:
    if hint is float and not isinstance(value, bool):
        try:
            return float(value)
        except (TypeError, ValueError):
            pass
    elif hint is Path and isinstance(value, str):
        return Path(value)
    elif isinstance(value, hint) and not (hint is int and isinstance(value, bool)):
        return value
    raise ConfigError(f"{where}: got {_shown(value)}, expected {_name(hint)}")


def _one_of(value: Any, kinds: tuple, where: str) -> Any:
    if value is None and type(None) in kinds:
        return None
    kinds = tuple(k for k in kinds if k is not type(None))
    for kind in kinds:
        try:
            return _value(value, kind, where)
        except ConfigError:
            if len(kinds) == 1:
                raise
    raise ConfigError(f"{where}: got {_shown(value)}, expected {' or '.join(map(_name, kinds))}")


def _name(hint: Any) -> str:
    plain = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Path: "a path"}
    return plain.get(hint, str(hint))


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)

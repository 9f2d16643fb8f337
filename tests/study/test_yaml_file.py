"""A YAML file is read as one reads it, or refused with its line."""

from pathlib import Path

import pytest

from edgebnn.errors import ConfigError
from edgebnn.study.yaml_file import load_yaml


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"study: a\nresults: x\nstudy: b\n", "line 3: the key 'study' stands twice, in line 1 and in line 3"),
        (b"a:\n  - {b: 1, c: 2, b: 3}\n", "line 2: the key 'b' stands twice"),
        (b"'a': 1\na: 2\n", "line 2: the key 'a' stands twice"),
        ("study: größe\n".encode("latin-1"), "line 1: not UTF-8: found the byte 0xf6; save the file as UTF-8"),
        ("a: 1\nb: é\n".encode("cp1252"), "line 2: not UTF-8"),
        ("study: a\n".encode("utf-16"), "line 1: not UTF-8: found the byte 0xff"),
        (b"a:\n\tb: 1\n", "line 2: not YAML: .*indent with spaces, not tabs"),
        (b"a: [1, 2\nb: 3\n", "line 2: not YAML"),
        (b"a: b: c\n", "line 1: not YAML"),
        (b"a: \x00\n", "not YAML"),
        (b"a: *nowhere\n", "line 1: not YAML: found undefined alias"),
        (b"a: !!python/object:os.system {}\n", "line 1: not YAML: could not determine a constructor"),
        (b"a: 2026-13-45\n", "not YAML: month must be in 1..12"),
    ],
)  # fmt: skip
def test_refused_with_its_line(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"my\.yaml: {words}") as caught:
        load_yaml(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"\xef\xbb\xbfa: 1\r\n", {"a": 1}),
        (b"a: 1e-3\nb: 1e+9\nc: 2.E5\n", {"a": 0.001, "b": 1e9, "c": 2e5}),
        (b"a: '1e-3'\nb: 1e\n", {"a": "1e-3", "b": "1e"}),
        ("a: größe\n".encode(), {"a": "größe"}),
        (b"a: {b: 1}\nc: {b: 2}\n", {"a": {"b": 1}, "c": {"b": 2}}),
        (b"x: &x {a: 1}\ny: {<<: *x, a: 2}\n", {"x": {"a": 1}, "y": {"a": 2}}),
        (b"", None),
    ],
)
def test_read(content: bytes, found: object, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_bytes(content)
    assert load_yaml(tmp_path / "my.yaml") == found

"""A file named on Snakemake's command line is looked at first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edgebnn.study.named_files import check_named_files, named_files


@pytest.mark.parametrize(
    ("arguments", "files"),
    [
        ("all --cores 8", []),
        ("--configfile a.yaml", ["a.yaml"]),
        ("all --configfiles a.yaml b.yaml --cores 8", ["a.yaml", "b.yaml"]),
        ("--configfile=a.yaml all", ["a.yaml"]),
        ("--configfile a.yaml -n all --configfile b.yaml", ["a.yaml", "b.yaml"]),
        ("--config results=x", []),
    ],
)
def test_what_snakemake_would_take(arguments: str, files: list[str]) -> None:
    assert named_files(arguments.split()) == [Path(file) for file in files]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("study: größe\n".encode("latin-1"), "line 1: not UTF-8"),
        ("study: a\n".encode("utf-16"), "line 1: not UTF-8"),
        (b"study: a\nstudy: b\n", "line 2: the key 'study' stands twice"),
        (b"a: [1\n", "line 2: not YAML"),
        (b"", "a mapping of keys is wanted (found nothing)"),
        (b"- a\n", "a mapping of keys is wanted (found ['a'])"),
        (None, "No such file or directory"),
    ],
)
def test_what_is_no_study_ends_it_with_one_line(
    content: bytes | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "my.yaml"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["snakemake", "--configfile", str(path)])
    with pytest.raises(SystemExit) as caught:
        check_named_files()
    said = str(caught.value.code)
    assert said.startswith(f"edgebnn: {path}: {words}")
    assert "\n" not in said


@pytest.mark.parametrize("content", [b"study: a\n", b"\xef\xbb\xbfstudy: a\r\n", b'{"study": "a"}'])
def test_a_study_is_let_pass(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.yaml").write_bytes(content)
    monkeypatch.setattr(sys, "argv", ["snakemake", "--configfile", str(tmp_path / "my.yaml")])
    check_named_files()

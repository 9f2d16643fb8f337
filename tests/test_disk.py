"""A results folder that cannot be one is told before Snakemake looks into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebnn.disk import check_folder
from edgebnn.errors import InfrastructureError


def test_a_folder_that_is_there_or_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("", "a", "a/b/c", "link", "link/a", "größe"):
        check_folder(tmp_path / name)
    check_folder(Path("results"))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("file", "Not a directory; something else stands in that place"),
        ("file/a/b", "Not a directory; something else stands in that place"),
        ("circle", "Too many levels of symbolic links; something else"),
        ("circle/a", "Too many levels of symbolic links; something else"),
        ("nowhere", "No such file or directory"),
        ("nowhere/a", "No such file or directory"),
        ("y" * 300, "File name too long; choose a shorter name"),
    ],
)
def test_what_stands_in_the_way(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    with pytest.raises(InfrastructureError, match=words):
        check_folder(tmp_path / name)


@pytest.mark.parametrize("device", ["/dev/full", "/dev/null/x"])
def test_a_device_is_no_folder(device: str) -> None:
    with pytest.raises(InfrastructureError, match=r"^/dev/\w+(/x)?: cannot be written: Not a dir"):
        check_folder(Path(device))

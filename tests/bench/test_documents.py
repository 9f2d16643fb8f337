"""The tables that a bench writes into the documents."""

import shutil
from pathlib import Path

import pytest

from edgebnn.bench.documents import DOCUMENTS, TABLES, refresh
from edgebnn.bench.tables import kernels_table, steps_table
from edgebnn.errors import ConfigError
from edgebnn.record import Provenance, Record

ROOT = Path(__file__).parents[2]


def record() -> Record:
    place = {"model": "mlp", "batch_size": 200, "threads": 1}
    times = {"step_s": 0.005, "step_q1_s": 0.0045, "step_q3_s": 0.25, "peak_bytes": 3 << 20}
    ours = {"contestant": "lean", "by": "avx2", "products_s": 0.001, "step_s": 0.002}
    return Record(
        stage="bench",
        run_id="1",
        parameters={"rounds": 5, "kernel": "best"},
        metrics={},
        tables={
            "steps": [
                {**place, **times, "contestant": "Keras f32", "by": "fit, no XLA"},
                {**place, **times, **ours},
            ],
            "kernels": [
                {
                    "variant": variant,
                    "kernel": "k",
                    "product": "p",
                    "rows": 1,
                    "terms": 2,
                    "lanes": 3,
                    "gmac_per_s": 5.0,
                    **roofline,
                }
                for variant, roofline in (("avx2", {"roofline_gmac_per_s": 10.0}), ("scalar", {}))
            ],
        },
        provenance=Provenance(
            git_commit="0",
            host="this machine",
            machine="Some Processor, 2 cores",
            versions={"python": "3"},
            started="2026-01-02T03:04:05+00:00",
        ),
    )


def test_steps_are_beside_the_yardstick_and_their_products() -> None:
    text = steps_table(record())
    assert text.startswith(
        "Measured 2026-01-02 on Some Processor, 2 cores; python 3; median and quartiles of 5 rounds."
    )
    assert (
        "| MLP, batch 200 | 1 | Keras f32 (fit, no XLA) | 5.00 (4.50 to 250) | 1.00 | 3.0 |  |  |"
        in text
    )
    assert "| lean (avx2) | 2.00 (4.50 to 250) | 0.40 | 3.0 | 1.00 | 50% |" in text


def test_kernels_are_those_that_trained() -> None:
    assert kernels_table(record()).splitlines()[2:] == [
        "| k (avx2) | p | 1 x 2 x 3 | 5.0 | 10.0 | 50% |"
    ]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the documents."""
    for name in DOCUMENTS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_tables_replace_what_stands_between_their_markers(project: Path) -> None:
    refresh(record(), project)
    shown = [name for name, tables in DOCUMENTS.items() if TABLES["bench"].keys() & set(tables)]
    once = {name: (project / name).read_text() for name in shown}
    refresh(record(), project)
    for name, text in once.items():
        assert (project / name).read_text() == text
        assert "Some Processor, 2 cores" in text
        before = (ROOT / name).read_text()
        assert text[: text.index("<!-- bench")] == before[: before.index("<!-- bench")]
        assert text[text.rindex("<!-- /bench") :] == before[before.rindex("<!-- /bench") :]
    assert "| MLP, batch 200 | 5.00 ms, 3 MiB | 2.00 ms, 3 MiB |" in once[Path("README.md")]


def test_a_missing_marker_changes_nothing(project: Path) -> None:
    path = project / "docs" / "performance.md"
    path.write_text(path.read_text().replace("<!-- /bench-kernels -->", ""))
    before = (project / "README.md").read_text()
    with pytest.raises(ConfigError, match=r"performance\.md: found 0 pairs of lines"):
        refresh(record(), project)
    assert (project / "README.md").read_text() == before

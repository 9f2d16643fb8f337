"""What the documents show is run: commands, configurations, links."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from edgebnn.farm.inventory import load_inventory
from edgebnn.record import read_record
from edgebnn.reference import pages
from edgebnn.study.config import parse_study
from edgebnn.study.plan import make_plan

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
DATA = Path(os.environ.get("EDGEBNN_DATA_DIR") or ROOT.parent / "shared" / "datasets")
ELSEWHERE = ("make ", "snakemake ", "mlflow ui ", "source ", "conda ", "pip ", "python ", "sed ")
"""Commands that set up or take minutes; tests/workflow and .ci/run hold them."""


def blocks(language: str) -> list[tuple[str, str]]:
    pattern = re.compile(rf"^ *```{language}\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
    return [(path.name, block) for path in DOCUMENTS for block in pattern.findall(path.read_text())]


COMMANDS = sorted(
    {
        line.partition("#")[0].strip()
        for _, block in blocks("sh")
        for line in block.splitlines()
        if line.strip()
    }
)


@pytest.mark.parametrize("command", [c for c in COMMANDS if not c.startswith(ELSEWHERE)])
def test_a_shown_command_runs(command: str, built: Callable[[str], Path]) -> None:
    built("native")  # for `edgebnn memory`, which else builds it in here
    program, *arguments = shlex.split(command)
    assert program == "edgebnn"
    done = subprocess.run(
        [sys.executable, "-m", "edgebnn.cli", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_two_commands_are_shown() -> None:
    assert any(command.startswith("make run") for command in COMMANDS)
    assert any(command.startswith("make test") for command in COMMANDS)


@pytest.mark.slow
@pytest.mark.heavy
def test_a_shown_program_runs(tmp_path: Path) -> None:
    """All Python that is shown, of docs/own-model.md, as one program: no longer than that page says."""
    program = "\n".join(block for name, block in blocks("python") if name == "own-model.md")
    assert len([line for line in program.splitlines() if line.strip()]) <= 40
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    accuracy, again = (line.split()[-1] for line in done.stdout.splitlines()[-2:])
    assert accuracy == again
    assert float(accuracy) > 0.95
    assert {name for name, _ in blocks("python")} == {"own-model.md", "fine-tune.md"}


@pytest.mark.slow
@pytest.mark.heavy
@pytest.mark.skipif(not (DATA / "mnist.npz").exists(), reason="no mnist.npz in EDGEBNN_DATA_DIR")
def test_fine_tuning_as_shown(tmp_path: Path) -> None:
    """The program, the study and the commands of docs/fine-tune.md, in a folder with what a clone has."""
    (program,), (study,), (commands, *_) = (
        [block for name, block in blocks(language) if name == "fine-tune.md"]
        for language in ("python", "yaml", "sh")
    )
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mnist.npz").symlink_to(DATA / "mnist.npz")
    (tmp_path / "split.py").write_text(program)
    (tmp_path / "fine-tune.yaml").write_text(study)
    script = commands.replace(
        "snakemake ", f"snakemake --snakefile {shlex.quote(str(ROOT / 'Snakefile'))} "
    )
    environment = {name: value for name, value in os.environ.items() if name != "EDGEBNN_DATA_DIR"}
    done = subprocess.run(
        ["bash", "-ec", script],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    plan = json.loads((tmp_path / "results" / "plan.json").read_text())

    def found(name: str) -> dict[str, float]:
        records = [
            read_record(tmp_path / "results" / run["stage"] / f"{run['run_id']}.json")
            for run in plan["experiments"][name]
        ]
        return {metric: m.value for record in records for metric, m in record.metrics.items()}

    begun, anew = found("digits-8-9"), found("digits-8-9-anew")
    assert begun["test_accuracy"] > 0.95
    assert begun["arena_planned_mib"] < 0.6 * anew["arena_planned_mib"]
    assert begun["memory_mib"] < 0.6 * anew["memory_mib"]


@pytest.mark.parametrize(("name", "block"), [b for b in blocks("yaml") if b[0] != "fine-tune.md"])
def test_a_shown_configuration_is_valid(
    name: str, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    document = yaml.safe_load(block)
    if "devices" in document:
        (tmp_path / "farm.yaml").write_text(yaml.safe_dump(document))
        assert load_inventory(tmp_path / "farm.yaml").boards()
    else:
        study = parse_study(document, name)
        assert make_plan(study, {"virtual": ["v1"]}).experiments


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_modelled_figures_shown_are_the_formulas() -> None:
    from edgebnn.memory.accounting import memory_table, total_mib
    from edgebnn.study.model_file import load_network
    from edgebnn.study.switches import PRESETS

    rows = re.findall(
        r"^\| (MLP|CNV|BinaryNet) \| 100 \| ([\d.]+) MiB \| ([\d.]+) MiB \| ([\d.]+)x \|",
        (ROOT / "README.md").read_text(),
        re.MULTILINE,
    )
    assert len(rows) == 3
    for title, standard, proposed, saving in rows:
        network = load_network(title.lower(), ROOT / "config" / "models")
        mib = [
            total_mib(memory_table(network, 100, "adam", PRESETS[method]))
            for method in ("standard", "proposed")
        ]
        assert [f"{value:.2f}" for value in mib] == [standard, proposed]
        assert f"{mib[0] / mib[1]:.2f}" == saving


@pytest.mark.parametrize("name", pages())
def test_reference_pages_are_up_to_date(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text()
    assert written.rstrip() == pages()[name].rstrip(), "run: make docs"


def test_the_site_has_every_document() -> None:
    site = (ROOT / "zensical.toml").read_text()
    for path in DOCUMENTS:
        assert f'"{path.relative_to(ROOT)}"' in site or path.name == "README.md", path


@pytest.mark.slow
def test_the_site_builds_and_all_its_links_lead_somewhere() -> None:
    done = subprocess.run(
        ["make", "-o", ".venv/ready", "docs"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    site = ROOT / "build" / "site"
    for name in ("index.html", "docs/tutorial.html", "docs/reference/commands.html"):
        page = (site / name).read_text()
        assert not re.search(r'(src|rel="stylesheet" href)="https?:', page), name

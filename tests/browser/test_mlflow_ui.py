"""A study in MLflow's own pages, in a real browser: what it is, its curves, two methods side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from ..tracking.server import mlflow_server
from ..tracking.test_track import empty_store, run_track, study
from .chromium import BROWSER, Page, page

__all__ = ["empty_store", "study"]  # fixtures

PICTURES = Path(__file__).parents[2] / "build" / "pictures"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium or google-chrome on the PATH"),
]


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Page]:
    with page(tmp_path / "profile") as opened:
        yield opened


def test_a_study_is_read(study: Path, tab: Page) -> None:
    """Screenshots stay in build/pictures."""
    store = f"sqlite:///{study}/mlflow.db"
    run_track(study)
    with mlflow_server(study, store) as address:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=address)
        where = client.get_experiment_by_name("trial").experiment_id
        runs = client.search_runs([where], "tags.`edgebnn.kind` = 'run'")
        trained = [run for run in runs if run.data.tags["edgebnn.stage"] != "memory"]
        tab.open(f"{address}/#/experiments/{where}/runs")
        tab.wait_for_text("Training runs", "digits", "again", "The study trial of edgebnn")
        tab.picture(PICTURES / "mlflow-list.png")

        run = trained[0].info
        tab.open(f"{address}/#/experiments/{where}/runs/{run.run_id}")
        tab.wait_for_text(run.run_name, "test_accuracy", "learning_rate")
        tab.open(f"{address}/#/experiments/{where}/runs/{run.run_id}/model-metrics")
        tab.wait_for_text("Model metrics", "loss")
        tab.wait_for("document.querySelectorAll('.js-plotly-plot .scatterlayer path').length > 0")
        tab.picture(PICTURES / "mlflow-run.png")

        chosen = json.dumps([run.info.run_id for run in trained[:2]])
        tab.open(
            f"{address}/#/compare-runs?runs={quote(chosen)}&experiments={quote(json.dumps([where]))}"
        )
        tab.wait_for_text(
            "Comparing 2 Runs", *(run.info.run_name for run in trained[:2]), "test_accuracy"
        )
        tab.picture(PICTURES / "mlflow-compare.png")

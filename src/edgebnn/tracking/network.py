"""The trained network of a run as a model of MLflow's: ONNX, with its signature and an input to try."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

from edgebnn.errors import ConfigError
from edgebnn.record import Record

ARTIFACT = "network"
"""A record's artifact that is a trained network (docs/formats.md)."""


def log_network(client: Any, where: str, run: str, record: Record, file: Path) -> None:
    """Logs the run's model `network`; of a network that ONNX cannot hold, the tag `note.network` says why.

    Args:
        client: MLflow's.
        where: id of the MLflow experiment.
        run: id of the run.
        record: the run's.
        file: the trained network.
    """
    from edgebnn.trainer.export import export_onnx

    with tempfile.TemporaryDirectory(prefix="edgebnn-") as folder:
        onnx_file = Path(folder) / "network.onnx"
        try:
            export_onnx(file, onnx_file)
        except ConfigError as error:
            client.set_tag(run, f"note.{ARTIFACT}", str(error))
            return
        _save(onnx_file, Path(folder) / "model")
        params = {
            name: str(record.parameters[name])
            for name in ("dataset", "model", "method")
            if name in record.parameters
        }
        model = client.create_logged_model(where, ARTIFACT, source_run_id=run, params=params)
        client.log_model_artifacts(model.model_id, str(Path(folder) / "model"))
        client.finalize_logged_model(model.model_id, "READY")
        _of_run(client, run, model.model_id)


def delete_networks(client: Any, run: Any) -> None:
    """Deletes the models of a run that is deleted."""
    for output in run.outputs.model_outputs if run.outputs else ():
        client.delete_logged_model(output.model_id)


def _save(onnx_file: Path, folder: Path) -> None:
    import mlflow.onnx
    import numpy as np
    import onnx
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    model = onnx.load(onnx_file)
    (image,) = model.graph.input
    shape = [size.dim_value for size in image.type.tensor_type.shape.dim][1:]
    ramp = np.arange(np.prod(shape), dtype=np.int64) % 256
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own modules, as they load, of their type hints
        mlflow.onnx.save_model(
            model,
            folder,
            signature=ModelSignature(
                inputs=Schema([TensorSpec(np.dtype(np.uint8), (-1, *shape), image.name)]),
                outputs=Schema(
                    [
                        TensorSpec(np.dtype(np.float32), (-1, -1), "logits"),
                        TensorSpec(np.dtype(np.int64), (-1,), "label"),
                    ]
                ),
            ),
            input_example={image.name: ramp.astype(np.uint8).reshape(1, *shape)},
            pip_requirements=["onnxruntime"],
            save_as_external_data=False,
        )


def _of_run(client: Any, run: str, model: str) -> None:
    from mlflow.entities import LoggedModelOutput

    client.log_outputs(run, [LoggedModelOutput(model, step=0)])

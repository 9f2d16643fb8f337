"""A trained network as ONNX: standard operators alone, for any runtime, with the same predictions.

Every value up to the logits is an integer that float32 holds exactly, so it does not matter in which
order a runtime sums. A sign is the comparison of a product with the unit's threshold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebnn.errors import ConfigError
from edgebnn.record import atomic_write
from edgebnn.study.network import Conv, MaxPool
from edgebnn.trainer.network_file import TrainedBlock, TrainedNetwork, read_network

OPSET = 17
IR_VERSION = 8
"""Of 2022, as is the opset: runtimes on boards are not the newest."""
EXACT = 2**24
"""Integers up to here are float32 values."""


def export_onnx(network: Path, output: Path) -> None:
    """Writes the ONNX model of a trained network.

    Its input is `image`, uint8 [N, height, width, channels]; its outputs are `logits`, float32
    [N, classes], and `label`, int64 [N], the first of the largest.

    Args:
        network: a file of `edgebnn-train --export`.
        output: the ONNX file.

    Raises:
        ConfigError: not a network file, or products too large for float32 to hold.
        InfrastructureError: the output cannot be written.
    """
    import onnx

    trained = read_network(network)
    for number, block in enumerate(trained.blocks, 1):
        fan_in = block.weights[0].size
        if fan_in * (255 if number == 1 else 1) >= EXACT:
            raise ConfigError(
                f"{network}: product {number}: {fan_in} inputs give integers beyond 2^24, "
                f"which ONNX's float32 does not hold exactly"
            )
    model = _model(trained)
    onnx.checker.check_model(model, full_check=True)
    with atomic_write(output) as file:
        file.write(model.SerializeToString(deterministic=True))


def _model(trained: TrainedNetwork) -> Any:
    """The onnx.ModelProto."""
    from onnx import TensorProto, helper

    graph = _Graph()
    value = graph.centred("image")
    for number, block in enumerate(trained.blocks, 1):
        value = graph.block(f"block{number}", block, value)
    graph.add("Identity", [value], "logits")
    graph.add("ArgMax", ["logits"], "label", axis=1, keepdims=0, select_last_index=0)
    shape = ["N", *trained.input]
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "edgebnn",
            [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
            [
                helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", trained.classes]),
                helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
            ],
            graph.initialisers,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="edgebnn",
    )


@dataclass
class _Graph:
    """Nodes and constants; a value is known by its name. Maps are [N, channels, height, width]."""

    nodes: list[Any] = field(default_factory=list)
    initialisers: list[Any] = field(default_factory=list)

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.initialisers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def centred(self, image: str) -> str:
        """Pixels u [N, h, w, c] to 2u - 255."""
        from onnx import TensorProto

        two, most = (
            self.constant(name, np.array(value, np.float32))
            for name, value in (("two", 2), ("most", 255))
        )
        value = self.add("Cast", [image], "pixels", to=TensorProto.FLOAT)
        value = self.add("Mul", [value, two], "doubled")
        value = self.add("Sub", [value, most], "centred")
        return self.add("Transpose", [value], "map", perm=[0, 3, 1, 2])

    def block(self, name: str, block: TrainedBlock, value: str) -> str:
        """Product, pool, sign, pool; the last block ends in its logits [N, classes]."""
        value = self._product(name, block, value)
        value = self._pool(f"{name}_pooled", block.pool_before, value)
        column = (-1, 1, 1) if isinstance(block.layer, Conv) else (-1,)
        if block.thresholds is None:
            return self._logits(name, block, value)
        threshold = block.thresholds.astype(np.float32).reshape(column)
        reached = self.constant(f"{name}_threshold", threshold)
        value = self.add("GreaterOrEqual", [value, reached], f"{name}_reached")
        value = self.add("Where", [value, *self._signs()], f"{name}_sign")
        return self._pool(f"{name}_sign_pooled", block.pool_after, value)

    def _product(self, name: str, block: TrainedBlock, value: str) -> str:
        from onnx import TensorProto

        if isinstance(block.layer, Conv):
            weights = block.weights.transpose(0, 3, 1, 2)
        else:  # a map is flattened as (channel, y, x)
            units = len(block.weights)
            weights = block.weights.transpose(0, 3, 1, 2).reshape(units, -1).T
            value = self.add("Flatten", [value], f"{name}_flat", axis=1)
        packed = self.constant(f"{name}_weights", weights)
        real = self.add("Cast", [packed], f"{name}_real_weights", to=TensorProto.FLOAT)
        if not isinstance(block.layer, Conv):
            return self.add("MatMul", [value, real], f"{name}_product")
        stride = block.layer.stride
        return self.add(
            "Conv", [value, real], f"{name}_product", pads=block.pads, strides=[stride, stride]
        )

    def _pool(self, name: str, pool: MaxPool | None, value: str) -> str:
        if pool is None:
            return value
        return self.add(
            "MaxPool", [value], name, kernel_shape=[pool.size] * 2, strides=[pool.stride] * 2
        )

    def _logits(self, name: str, block: TrainedBlock, value: str) -> str:
        assert block.norms is not None
        value = self.add("Flatten", [value], f"{name}_flat_product", axis=1)
        for column, (operator, term) in enumerate((("Sub", "mu"), ("Mul", "r"), ("Add", "beta"))):
            constant = self.constant(f"{name}_{term}", block.norms[:, column])
            value = self.add(operator, [value, constant], f"{name}_{operator.lower()}")
        return value

    def _signs(self) -> list[str]:
        names = ["plus", "minus"]
        if not any(constant.name in names for constant in self.initialisers):
            for name, sign in zip(names, (1, -1), strict=True):
                self.constant(name, np.array(sign, np.float32))
        return names

"""The network in float32 by PyTorch, as a process: `python -m edgebnn.bench.torch_child`."""

from __future__ import annotations

import time
from typing import Any

from edgebnn.bench.child import Spec, Train, serve

BATCHES = 5
"""Of images at hand."""


def build(spec: Spec) -> tuple[str, Train]:
    """Builds the network and warms it up; maps are [N, channels, height, width]."""
    import torch

    torch.set_num_threads(spec["threads"])
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    height, width, channels = spec["input"]
    network = _network(spec["layers"])
    images = torch.rand(BATCHES * spec["batch_size"], channels, height, width) * 2 - 1
    labels = torch.randint(0, spec["classes"], (len(images),))
    network(images[:2])  # lazy layers take their sizes from it
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    loss_of = torch.nn.CrossEntropyLoss()

    def train(steps: int) -> list[float]:
        times = []
        for step in range(steps):
            start = time.perf_counter()
            first = step % BATCHES * spec["batch_size"]
            part = slice(first, first + spec["batch_size"])
            optimizer.zero_grad()
            loss = loss_of(network(images[part]), labels[part])
            loss.backward()
            optimizer.step()
            times.append(time.perf_counter() - start)
        return times

    train(2)
    return "eager", train


def versions() -> dict[str, str]:
    """Of PyTorch."""
    import torch

    return {"torch": torch.__version__}


def _network(layers: list[dict[str, Any]]) -> Any:
    """A torch.nn.Sequential with layers of the same sizes; ReLU where the binary network has its sign."""
    from torch import nn

    modules: list[Any] = []
    flat = False
    for layer in layers:
        match layer["kind"]:
            case "flatten":
                flat = True
                modules.append(nn.Flatten())
            case "dense":
                modules.append(nn.LazyLinear(layer["units"], bias=False))
            case "conv":
                kernel, stride = layer["kernel"], layer["stride"]
                pad = kernel // 2 if layer["padding"] == "same" else 0
                modules.append(nn.LazyConv2d(layer["filters"], kernel, stride, pad, bias=False))
            case "batch_norm":
                modules.append(nn.LazyBatchNorm1d() if flat else nn.LazyBatchNorm2d())
            case "sign":
                modules.append(nn.ReLU())
            case "max_pool":
                modules.append(nn.MaxPool2d(layer["size"], layer["stride"]))
            case kind:
                raise ValueError(f"layer {kind}: not timed")
    return nn.Sequential(*modules)


if __name__ == "__main__":
    serve(versions, build)

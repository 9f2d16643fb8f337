"""What labels must be, one class number an image counted from 0, and what is said of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from edgebnn.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

RENUMBERED = "np.unique(y, return_inverse=True)[1]"


def one_an_image(labels: NDArray[Any], where: str) -> NDArray[Any]:
    """Integers, [n], of an array [n] or [n, 1].

    Raises:
        ConfigError: several numbers an image, or no integers; `where` begins the message.
    """
    shape, size = labels.shape, labels.size
    if not shape or (size and size != max(shape)):
        found = f"{where}: found shape {shape}; one number an image is wanted"
        if labels.ndim == 2 and labels.dtype.kind in "biuf":
            if ((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all():
                raise ConfigError(f"{found}; one-hot? y.argmax(1)")
            if np.issubdtype(labels.dtype, np.floating):
                raise ConfigError(f"{found}; probabilities? y.argmax(1)")
        raise ConfigError(f"{found}: (n,) or (n, 1)")
    if size and not np.issubdtype(labels.dtype, np.integer):
        raise ConfigError(
            f"{where}: labels of type {labels.dtype}, must be integers{_mend(labels)}"
        )
    return labels.reshape(-1)


def check_labels(labels: NDArray[Any], classes: int, where: str, hint: str = "") -> None:
    """Raises ConfigError for labels that are no integers in [0, classes); `where` begins its message."""
    one_an_image(labels, where)
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if not len(wrong):
        return
    if labels.min() < 0:
        both = set(np.unique(labels)) == {-1, 1}
        hint = (
            "(y + 1) // 2" if both else "images without a class are left out: x[y >= 0], y[y >= 0]"
        )
    raise ConfigError(
        f"{where}: label {labels[wrong[0]]} of image {wrong[0]} is out of range; "
        f"allowed are 0 to {classes - 1}{hint and f'; {hint}'}"
    )


def counted_from(labels: dict[str, NDArray[Any]], classes: int | None, ten: str) -> str:
    """What mends labels that seem to be counted from another number than 0; or empty.

    Args:
        labels: by array, [n] each.
        classes: of a data set that is known by name; None: as many as there are.
        ten: what that data set's own files do with the label `classes`; or empty.
    """
    filled = [found for found in labels.values() if len(found)]
    least = min((int(found.min()) for found in filled), default=0)
    most = max((int(found.max()) for found in filled), default=0)
    if classes is not None:
        if most != classes:
            return ""
        return ten or ("none is 0: subtract 1? y - 1" if least > 0 else "")
    return f"none is 0: subtract {least}? y - {least}" if least > 0 else ""


def absent_classes(
    labels: dict[str, NDArray[Any]], classes: int, where: str, *, renumber: bool
) -> list[str]:
    """What is odd about classes without a training image; the first array is the training set's.

    Whether to `renumber` the classes is the user's choice where the labels alone say how many there are.
    """
    train = next(iter(labels))
    absent = np.setdiff1d(np.arange(classes), labels[train])
    if not len(absent):
        return []
    hint = f"; labels without gaps: {RENUMBERED}" if renumber else ""
    remarks = [
        f"{where}: {train}: no image of {_classes(absent)}, of {classes} counted from 0{hint}"
    ]
    for name, found in labels.items():
        lost = found[np.isin(found, absent)]
        if len(lost):
            remarks.append(
                f"{where}: {name}: {len(lost)} of {len(found)} images are of {_classes(np.unique(lost))}, "
                f"which {train} does not have: none of them can be recognised"
            )
    return remarks


def _classes(numbers: NDArray[Any]) -> str:
    shown = ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
    return f"class{'es' if len(numbers) > 1 else ''} {shown}"


def _mend(labels: NDArray[Any]) -> str:
    if labels.dtype.kind == "b":
        return ': y.astype("uint8")'
    if labels.dtype.kind in "US":
        return f": {RENUMBERED}"
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == labels.round()).all():
        return ': y.astype("int64")'
    return ""

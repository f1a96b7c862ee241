"""Opens ONNX models the way every model of this package is run: on a named number of threads that do not spin, on the CPU; and
turns what they say into shares."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def open_session(path: Path, *, threads: int = 1, weights: Mapping[str, npt.NDArray[Any]] | None = None) -> Any:
    """An onnxruntime session on `path`; `threads` is for one run; `weights` stand in for the model's own of the same names.

    Raises what onnxruntime raises, whose classes share no base. It does not look whether the names are the model's.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    # Spinning threads would take a whole core from the gateway between two calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in (weights or {}).values()]
    for name, value in zip(weights or {}, values, strict=True):
        options.add_initializer(name, value)
    session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    # The session reads them where they are, so that they must live as long.
    session.weights_instead = (weights, values)
    return session


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Shares that add up to 1 along the last axis, in the type of `logits`; NaN in a row with a figure that is not finite."""
    with np.errstate(invalid="ignore"):
        raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares = raised / raised.sum(axis=-1, keepdims=True)
    finite = np.isfinite(logits).all(axis=-1, keepdims=True)
    return np.asarray(shares if finite.all() else np.where(finite, shares, logits.dtype.type(np.nan)))

"""The only module that names onnxruntime: sessions for small machines, built from verified bytes."""

from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NotImplemented,
    RuntimeException,
)

from models.pixels import Array
from models.registry import ModelEntry, ModelError, verified_bytes

# onnxruntime's errors have no common ancestor but Exception.
_RUNTIME_ERRORS = (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NotImplemented,
    RuntimeException,
    RuntimeError,
    ValueError,
)


class ModelOutputError(Exception):
    """A model answered with NaN or with a shape that it must not have (`model_output`)."""


class Session:
    """One model, one thread, no spinning: spinning burns over a third of a core between pictures.

    No arena and no plan of one: each session would keep what its largest picture needed, hundreds of MiB together.
    The C library serves them all as fast where `models.memory.keep` was called.
    """

    def __init__(self, entry: ModelEntry) -> None:
        """Load the model of `entry`. Raises ModelError."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        # Its other format is not the one that the bytes were looked through for.
        options.add_session_config_entry("session.load_model_format", "ONNX")
        content = verified_bytes(entry)
        try:
            # Bytes, not a path: they are those whose digest was compared. That they keep their weights in another file
            # was refused with that digest; onnxruntime would look for it in the working directory.
            self._session: Any = onnxruntime.InferenceSession(
                content, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except _RUNTIME_ERRORS as error:
            raise ModelError(
                "model_unloadable", entry.name, entry.file, "an ONNX graph", str(error)[:200], "reinstall the model"
            ) from error
        self._input = self._session.get_inputs()[0].name
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    def run(self, batch: Array) -> Array:
        """Return the first output for `batch`. Raises ModelOutputError where there is none or it is not finite."""
        try:
            output = np.asarray(self._session.run(None, {self._input: batch})[0], dtype=np.float32)
        except _RUNTIME_ERRORS as error:
            raise ModelOutputError(f"model_output: {str(error)[:200]}") from error
        if not bool(np.isfinite(output).all()):
            raise ModelOutputError("model_output: not finite")
        return output


class LaterSession:
    """A model that few ask for: its bytes are verified at once, it holds its memory from a batch to the next rest."""

    def __init__(self, entry: ModelEntry) -> None:
        """Verify the file of `entry`. Raises ModelError."""
        verified_bytes(entry)
        self._entry = entry
        self._session: Session | None = None

    def run(self, batch: Array) -> Array:
        """Return the first output for `batch`. Raises ModelOutputError, and ModelError where it cannot be loaded."""
        if self._session is None:
            self._session = Session(self._entry)
        return self._session.run(batch)

    def rest(self) -> None:
        """Let the memory go; the next batch loads the model again, whose bytes are verified again."""
        self._session = None

"""The only module that names onnxruntime: sessions for small machines, built from verified bytes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as native

from models.memory import MOST_MIB
from models.pixels import Array
from models.registry import ModelEntry, ModelError, locate, verified_bytes
from models.roles import ROLES, Role, fits, spelt

# onnxruntime's errors have no common ancestor but Exception; what its strings and arrays are turned to has its own.
_RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    *(one for one in vars(native).values() if isinstance(one, type) and issubclass(one, Exception)),
    *(RuntimeError, ValueError, TypeError, MemoryError),
)
# How the C++ library and its own allocators say that there is no memory.
_NO_MEMORY = ("bad_alloc", "allocate memory")
_INPUT_TYPE = "tensor(float)"
_OUTPUT_TYPES = frozenset({_INPUT_TYPE, "tensor(float16)", "tensor(double)"})
_SAID = 200
# How far shares may be above one or below none, or from one together; networks count in 32 bits.
MOST_OFF = 0.01


class ModelOutputError(Exception):
    """The model `name` answered with NaN, with a shape or with numbers that it must not have (`model_output`)."""

    code = "model_output"

    def __init__(self, name: str, got: str) -> None:
        super().__init__(f"model_output: {name} {got}")
        self.name = name


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
            taken = [(str(one.name), str(one.type), list(one.shape)) for one in self._session.get_inputs()]
            given = [(str(one.name), str(one.type), list(one.shape)) for one in self._session.get_outputs()]
            self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        except _RUNTIME_ERRORS as error:
            raise _unloadable(entry, error) from error
        if len(taken) != 1 or not given:
            raise _unfit(entry, "one input and an output", f"{len(taken)} and {len(given)}")
        self.name, self._input = entry.name, taken[0][0]
        if (role := ROLES.get(entry.name)) is not None:
            _check_shapes(entry, role, taken[0][1:], given[0][1:])
            if role.characters:
                _check_characters(entry, role, self.characters, given[0][2])

    @property
    def characters(self) -> list[str]:
        """What a reader's columns stand for, without the first, which is none of them, and the last, a space."""
        return self.metadata.get("character", "").removesuffix("\n").split("\n")

    def run(self, batch: Array) -> Array:
        """Return the first output for `batch`. Raises ModelOutputError where there is none or it is not finite."""
        try:
            output = np.asarray(self._session.run(None, {self._input: batch})[0], dtype=np.float32)
        except _RUNTIME_ERRORS as error:
            why = f"wanted more than the {MOST_MIB} MiB that a worker may take" if _is_memory(error) else "gave none"
            raise ModelOutputError(self.name, f"{why}: {str(error)[:_SAID]}") from error
        if not bool(np.isfinite(output).all()):
            raise ModelOutputError(self.name, "answered what is not finite")
        return output


def heed_shares(name: str, output: Array) -> None:
    """Raise ModelOutputError where what the model `name` answered are not shares, each 0 to 1."""
    least, most = float(output.min()), float(output.max())
    if least < -MOST_OFF or most > 1.0 + MOST_OFF:
        raise ModelOutputError(name, f"answered what are no shares: {least:.3g} to {most:.3g}")


def _is_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(word in str(error) for word in _NO_MEMORY)


def _unloadable(entry: ModelEntry, error: Exception) -> ModelError:
    if _is_memory(error):
        expected = f"at most {MOST_MIB} MiB for all models of a worker"
        return ModelError("model_memory", entry.name, str(locate(entry)), expected, "more", "register a smaller model")
    return ModelError(
        "model_unloadable", entry.name, str(locate(entry)), "an ONNX graph", str(error)[:_SAID], "reinstall the model"
    )


def _unfit(entry: ModelEntry, expected: str, got: str) -> ModelError:
    next_step = f"register a model that was made for {entry.name}: models/README.md says what each takes and gives"
    return ModelError("model_unfit", entry.name, str(locate(entry)), expected, got, next_step)


def _check_shapes(entry: ModelEntry, role: Role, taken: Sequence[Any], given: Sequence[Any]) -> None:
    """Raise ModelError where a model declares that it takes or gives something else than its role."""
    if taken[0] != _INPUT_TYPE or not fits(taken[1], role.takes, fixed=False):
        raise _unfit(entry, f"an input {_INPUT_TYPE} {spelt(role.takes)}", f"{taken[0]} {spelt(taken[1])}")
    if given[0] not in _OUTPUT_TYPES or not fits(given[1], role.gives, fixed=True):
        raise _unfit(entry, f"an output {_INPUT_TYPE} {spelt(role.gives)}", f"{given[0]} {spelt(given[1])}")


def _check_characters(entry: ModelEntry, role: Role, characters: list[str], given: Sequence[object]) -> None:
    known = {one.upper() for one in characters}
    lacking = "".join(one for one in role.characters if one not in known)
    if lacking:
        expected = f"a line for each character that it reads in its metadata (character), {role.characters} among them"
        raise _unfit(entry, expected, "none" if characters == [""] else f"{len(characters)}, without {lacking}")
    columns = given[-1] if given else None
    if isinstance(columns, int) and columns != len(characters) + 2:
        expected = f"{len(characters) + 2} columns for {len(characters)} characters, none and a space"
        raise _unfit(entry, expected, str(columns))


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

"""Numpy arrays out of a stranger's pickle, and nothing else.

Three gates, because each by itself can be walked around: only the opcodes a dict of arrays needs,
only three names (replaced by functions of ours that check their arguments), and only plain numeric
dtypes. What passes can allocate no more than the size of the file.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray


class RefusedPickleError(ValueError):
    """The pickle asks for something a dict of numeric arrays does not need."""


_OPCODES = frozenset(
    (
        *("PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"),
        *("EMPTY_DICT", "SETITEM", "SETITEMS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BINSTRING", "SHORT_BINSTRING"),
        *("GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD"),
    )
)
_MAX_MEMO = 10_000
"""A memo index beyond this serves only to make the unpickler allocate."""
_NUMERIC = re.compile(r"[<>=|]?[biuf][1248]")


def load_arrays(data: bytes) -> dict[str, NDArray[Any]]:
    """The numeric numpy arrays in a pickled dict, whatever else (numbers, None) it holds beside them.

    Raises:
        RefusedPickleError: if it holds or asks for anything else, or is no complete pickle.
    """
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name not in _OPCODES:
                raise RefusedPickleError(f"the pickle uses {opcode.name}; only dicts of numpy arrays are admitted")
            if opcode.name.endswith("BINPUT") and (argument is None or argument > _MAX_MEMO):
                raise RefusedPickleError(f"the pickle memoises at index {argument}; refusing to allocate that")
        loaded = _ArrayUnpickler(io.BytesIO(data), encoding="latin1").load()
    except RefusedPickleError:
        raise
    except (pickle.UnpicklingError, ValueError, TypeError, EOFError, IndexError, KeyError, AttributeError) as error:
        raise RefusedPickleError(f"not a readable pickle of numpy arrays: {error}") from error
    if not isinstance(loaded, dict):
        raise RefusedPickleError(f"the pickle is a {type(loaded).__name__}, not a dict of numpy arrays")
    return {key: value for key, value in loaded.items() if isinstance(value, np.ndarray)}


class _NdarrayToken:
    """Stands for ``numpy.ndarray``: may be named, must not be called."""

    def __new__(cls, *_: object) -> NoReturn:
        raise RefusedPickleError("the pickle calls numpy.ndarray directly")


def _reconstruct(subtype: object, shape: object, _: object) -> NDArray[Any]:
    """What numpy's pickles start an array with: always empty, filled from bytes of the file afterwards."""
    if subtype is not _NdarrayToken or shape != (0,):
        raise RefusedPickleError(f"the pickle asks to allocate an array of shape {shape}")
    return np.empty(0)


def _dtype(code: object, *_: object) -> np.dtype[Any]:
    if not isinstance(code, str) or not _NUMERIC.fullmatch(code):
        raise RefusedPickleError(f"the pickle asks for dtype {code!r}; only plain numbers are admitted")
    return np.dtype(code, align=False, copy=True)  # a copy: unpickling then writes its state into it


class _ArrayUnpickler(pickle.Unpickler):
    _ADMITTED = {  # noqa: RUF012 - never written to
        ("numpy", "ndarray"): _NdarrayToken,
        ("numpy", "dtype"): _dtype,
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    }

    def find_class(self, module: str, name: str) -> Any:  # noqa: ANN401 - the signature of pickle
        try:
            return self._ADMITTED[module, name]
        except KeyError:
            raise RefusedPickleError(f"the pickle asks for {module}.{name}; only numpy arrays are admitted") from None

"""Arrays that have no buffer, for the extension: torch's tensors, numpy's bfloat16, DLPack.

Neither torch nor numpy is imported here. Who gives an array of one of them has imported it."""
from __future__ import annotations

import sys
from typing import Any

from . import _core

_ELEMENT_BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "int8": 1, "uint8": 1,
                  "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "int64": 8, "uint64": 8,
                  "bool": 1}


def _of_torch(tensor: Any, what: str) -> _core.Memory:
    if tensor.device.type != "cpu":
        raise TypeError(f"{what} is a tensor on {tensor.device}: Atoll reduces in the memory of "
                        "the CPU, so give it a copy there, tensor.cpu()")
    if tensor.layout is not sys.modules["torch"].strided:
        raise TypeError(f"{what} is a {tensor.layout} tensor: give it a dense one")
    if tensor.is_conj() or tensor.is_neg():
        raise TypeError(f"{what} is a lazily conjugated or negated tensor: resolve it first")
    name = str(tensor.dtype).rpartition(".")[2]
    size = _ELEMENT_BYTES.get(name, 1)
    strides = [stride * size for stride in tensor.stride()]
    return _core.Memory(tensor.data_ptr(), name, list(tensor.shape), strides, False,
                        tensor.detach())


def _of_interface(array: Any, name: str) -> _core.Memory:
    interface = array.__array_interface__
    address, read_only = interface["data"]
    return _core.Memory(address, name, list(array.shape), list(array.strides), read_only, array)


def describe(array: Any, what: str) -> _core.Memory:
    """Where the elements of an array lie. `what` begins the sentence of an error."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        return _of_torch(array, what)
    if hasattr(array, "__array_interface__"):
        return _of_interface(array, str(array.dtype))
    if hasattr(array, "__dlpack__"):
        return _core.memory_of_dlpack(array.__dlpack__())
    raise TypeError(f"{what} is a {type(array).__name__}, not an array: Atoll takes numpy arrays, "
                    "torch tensors, and what has the buffer protocol or __dlpack__")

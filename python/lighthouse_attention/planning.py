"""What attention of a model costs before anything runs: `plan`. No torch.

The library computes it, from the launch plans that attention runs; `lhc plan` prints the same.
"""
import ctypes
import json

from . import _library, _programs
from ._pieces import check_pieces
from .errors import LighthouseError

_DTYPES = ("bfloat16", "float16", "float32")


class Plan:
    """A plan: the members of `lhc plan --json` as attributes, numbers in bytes, flops and seconds, and
    mappings of them. `as_dict` are all of them; `str` is the table that `lhc plan` prints."""

    def __init__(self, members, table):
        self.as_dict = members
        self._table = table
        self.__dict__.update({name: _Members(value) if isinstance(value, dict) else value
                              for name, value in members.items()})

    def __str__(self):
        return self._table

    def __repr__(self):
        return (f"<lighthouse_attention.Plan N={self.length} S={self.gathered_length} cards={self.cards}"
                f" layers={self.layers}>")


class _Members(dict):
    """A dict whose members are attributes, too."""

    def __getattr__(self, name):
        try:
            value = self[name]
        except KeyError:
            raise AttributeError(f"a plan has no member {name!r} here; there are {', '.join(self)}") from None
        return _Members(value) if isinstance(value, dict) else value


def plan(length, *, batch=1, heads=8, kv_heads=None, head_dim=128, dtype="bfloat16", layers=1, dense_layers=0,
         levels=3, factor=4, budget=1536, chunk=128, cards=1, pieces="contiguous", deterministic=False,
         crossover=True, card="h200", copy_rate=0, matrix_rate=0, memory_bytes=0, link_rate=0):
    """What attention of a model costs for sequences of N = `length` on `cards` GPUs that share each of them: a
    `Plan`. No GPU is needed and nothing is compiled; it takes some tenths of a second.

    layers, dense_layers: attention layers of the model, and how many of them are dense. dtype: "bfloat16",
    "float16" or "float32", or what torch calls so. card: "h200" or "h100", whose ceilings are known, or with
    others in their place: copy_rate (bytes that a copy reads and writes in a second), matrix_rate (flops per
    second of a 16-bit matrix product), memory_bytes, link_rate (bytes that a card sends to others in a second);
    0 leaves that of the card. crossover: search for the length below which dense attention would be faster. All
    other arguments are those of `attention` and `kept_bytes`.

    ValueError where `attention` would raise it for the same settings; LighthouseError without a library that
    compiles.
    """
    name = str(dtype).rsplit(".", 1)[-1]
    if name not in _DTYPES:
        raise ValueError(f"dtype must be one of {', '.join(_DTYPES)}, got {dtype}")
    check_pieces(pieces)
    options = _library.sized(_library.PlanOptions)
    numbers = dict(length=length, batch=batch, heads=heads, kv_heads=heads if kv_heads is None else kv_heads,
                   head_dim=head_dim, layers=layers, dense_layers=dense_layers, levels=levels, factor=factor,
                   budget=budget, chunk=chunk, cards=cards)
    for field, value in numbers.items():
        if not -2**63 <= value < 2**63:
            raise ValueError(f"{field} must be an integer of 64 bits, got {value}")
        setattr(options, field, value)
    options.dtype = _programs.PYTHON_DTYPES.index(name)
    options.head_tail = pieces == "head_tail"
    options.deterministic = bool(deterministic)
    options.skip_crossover = not crossover
    options.card = str(card).encode()
    for field, value in dict(copy_rate=copy_rate, matrix_rate=matrix_rate, memory_bytes=memory_bytes,
                             link_rate=link_rate).items():
        setattr(options, field, value)
    try:
        text, table = _programs.bundled("operators.lh").plan(options)
    except LighthouseError as error:
        if error.status == _library.INVALID_ARGUMENT:
            raise ValueError(str(error).removeprefix("lh_plan: ")) from None
        raise
    return Plan(json.loads(text), table)

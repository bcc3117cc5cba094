"""Pieces of a sequence on the ranks of a group: who holds which. No torch.

A sequence is cut into P equal pieces. `contiguous`: P = W, and rank r holds piece r. `head_tail`: P = 2W, and
rank r holds pieces r and 2W - 1 - r, in this order, so that ranks have equal shares of causal attention. A
rank keeps its pieces beside each other on the batch axis, [B * slots, ...] with the batch outside.
"""
from typing import NamedTuple

PIECES = ("contiguous", "head_tail")


def check_pieces(pieces):
    """ValueError where `pieces` is no way to cut a sequence."""
    if pieces not in PIECES:
        raise ValueError(f"pieces must be one of {', '.join(map(repr, PIECES))}, got {pieces!r}")


class Place(NamedTuple):
    """A rank's place among the pieces; `*place` is what operators take, as `SCHEMA` has it."""
    rank: int
    world: int  # W, the ranks of the group
    head_tail: bool
    group: str  # the name of the group

    @property
    def slots(self):
        """The pieces of a rank."""
        return 2 if self.head_tail else 1

    @property
    def count(self):
        """P, the pieces of the sequence."""
        return self.world * self.slots

    def owner(self, piece):
        """The rank that holds a piece."""
        return piece if piece < self.world else 2 * self.world - 1 - piece

    def slot_of(self, piece):
        """The slot of a piece at the rank that holds it."""
        return int(piece >= self.world)

    def owned(self):
        """The pieces that this rank holds, by slot."""
        return (self.rank, 2 * self.world - 1 - self.rank)[:self.slots]

    def route(self, step):
        """How each piece sends a unit to the piece `step` after it, where there is one: the slots whose
        units go out and those that get the units which come in, both in the order in which they travel,
        and how many units go to and come from each rank."""
        goes, comes = ([self.owner(piece + move) if 0 <= piece + move < self.count else None
                        for piece in self.owned()] for move in (step, -step))

        def travelling(peers, target):
            # Units between two ranks travel in the order of the pieces that they are for.
            slots = [s for s in range(self.slots) if peers[s] is not None]
            return sorted(slots, key=lambda s: (peers[s], self.owned()[s] + target))
        return (travelling(goes, step), travelling(comes, 0),
                [goes.count(rank) for rank in range(self.world)],
                [comes.count(rank) for rank in range(self.world)])


# The place in schemas of operators.
SCHEMA = "int rank, int world, bool head_tail, str group"

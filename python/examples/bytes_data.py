"""The Python sources of installed packages as bytes: long texts that any machine with PyTorch has.

The files of a package follow each other in the order of their paths, so that what a byte depends on may
lie far back. Whole packages are held out for evaluation. A file whose content was met before is left
out: packages carry copies of each other.
"""
import dataclasses
import hashlib
import os
import site

import torch


class DataError(Exception):
    """There are fewer bytes than asked for."""


@dataclasses.dataclass
class Corpus:
    train: torch.Tensor  # uint8, the training packages one after the other
    held_out: dict       # name of a package -> its bytes, uint8
    packages: list       # names of the training packages
    digest: str          # SHA-256 of all of it

    def summary(self):
        """What a log should say of it."""
        return {"sha256": self.digest, "train_bytes": len(self.train), "packages": len(self.packages),
                "held_out": {name: len(text) for name, text in self.held_out.items()}}

    def held_out_sequences(self, length, count):
        """`count` pieces of length + 1 bytes, spread evenly over the held-out packages; none reaches
        from one package into the next."""
        pieces = [text[start:start + length + 1] for text in self.held_out.values()
                  for start in range(0, len(text) - length, length)]
        if len(pieces) < count:
            raise DataError(f"the held-out packages have {len(pieces)} pieces of {length} bytes, not "
                            f"the {count} that are asked for: hold out more bytes")
        return torch.stack([pieces[i * len(pieces) // count] for i in range(count)])


class Pieces:
    """The training text in pieces of length + 1 bytes, in an order that `seed` makes. The last byte of
    a piece, which is only predicted, is the first of the next; no byte is read twice."""

    def __init__(self, text, length, seed):
        self.text, self.length = text, length
        generator = torch.Generator().manual_seed(seed)
        self.order = torch.randperm((len(text) - 1) // length, generator=generator)

    def __len__(self):
        return len(self.order)

    def __getitem__(self, position):
        start = int(self.order[position]) * self.length
        return self.text[start:start + self.length + 1]

    def batch(self, position, count):
        """The `count` pieces from `position` on, [count, length + 1]."""
        if position + count > len(self):
            raise DataError(f"the training text has {len(self)} pieces of {self.length} bytes, fewer "
                            "than this run reads: train on more packages, or for fewer steps")
        return torch.stack([self[position + i] for i in range(count)])


def default_directories():
    """The folders that packages are installed in."""
    return [folder for folder in [*site.getsitepackages(), site.getusersitepackages()]
            if os.path.isdir(folder)]


def load(directories=None, *, length, held_out_bytes, train_bytes=None):
    """Reads a corpus. Packages come in the order of a hash of their names: first those to hold out, each
    with more than `length` bytes and none with more than half of what is wanted, then those to train on,
    until there are `train_bytes` (all packages if None)."""
    packages = _find_packages(directories or default_directories())
    order = sorted(packages, key=lambda name: hashlib.sha256(name.encode()).digest())
    seen, held_out, train = set(), {}, {}
    for name in order:
        size = sum(map(os.path.getsize, packages[name]))
        if _total(held_out) < held_out_bytes and length < size <= held_out_bytes // 2:
            text = _read(packages[name], seen)
            if len(text) > length:
                held_out[name] = text
    for name in order:
        if train_bytes is not None and _total(train) >= train_bytes:
            break
        if name not in held_out:
            train[name] = _read(packages[name], seen)
    digest = hashlib.sha256()
    for name, text in [*held_out.items(), *train.items()]:
        digest.update(f"{name} {len(text)}\n".encode())
        digest.update(text)
    joined = bytearray().join(train.values())
    return Corpus(_tensor(joined[:train_bytes]),
                  {name: _tensor(text) for name, text in held_out.items()}, list(train),
                  digest.hexdigest())


def _find_packages(directories):
    """{name: paths of its files in order} of the packages and single modules in `directories`."""
    packages = {}
    for directory in directories:
        for entry in os.scandir(directory):
            files = [entry.path] if entry.name.endswith(".py") else []
            for folder, _, names in os.walk(entry.path):
                files += [os.path.join(folder, name) for name in names if name.endswith(".py")]
            files = [path for path in files if os.path.isfile(path)]
            if files:
                packages.setdefault(entry.name, sorted(files))
    return packages


def _read(paths, seen):
    """The files with a zero byte after each, but for those whose content is in `seen`."""
    text = bytearray()
    for path in paths:
        with open(path, "rb") as file:
            content = file.read()
        key = hashlib.sha256(content).digest()
        if key not in seen:
            seen.add(key)
            text += content + b"\0"
    return text


def _total(texts):
    return sum(map(len, texts.values()))


def _tensor(text):
    return torch.frombuffer(text, dtype=torch.uint8) if text else torch.empty(0, dtype=torch.uint8)

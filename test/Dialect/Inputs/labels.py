"""Compares the labels of the constraints in a dialect's documentation with those that are tested.

usage: labels.py INVALID.mlir... DOCUMENTATION...

The documentation has them in round brackets, messages end with them in square ones.
"""
import re
import sys

if len(sys.argv) < 3:
    sys.exit(__doc__)


def labels(pattern, paths):
    texts = []
    for path in paths:
        with open(path) as file:
            texts.append(file.read())
    return set(re.findall(pattern, "".join(texts)))


paths = sys.argv[1:]
tested = labels(r"\[([a-z_]+_c\d+)\]\}\}", [path for path in paths if path.endswith(".mlir")])
documented = labels(r"\(([a-z_]+_c\d+)\)", [path for path in paths if path.endswith((".td", ".h"))])
for text, difference in (("without a test", documented - tested),
                         ("not documented", tested - documented)):
    if difference:
        sys.exit(f"{text}: {', '.join(sorted(difference))}")

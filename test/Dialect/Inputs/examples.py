"""Prints the examples of a dialect's documentation, separated for --split-input-file.

usage: examples.py [--context FILE] TD...

An example is a block marked as mlir, or what stands in backquotes after "Example:" or "Example, of
this or that:". One that is a type or an attribute becomes an attribute of an op; one that is no module is put into the last
kernel of FILE, in place of its line "EXAMPLE". Fails if an op has no example.
"""
import re
import sys

arguments = sys.argv[1:]
context = None
if arguments[:1] == ["--context"]:
    with open(arguments[1]) as file:
        context = file.read()
    arguments = arguments[2:]
if not arguments:
    sys.exit(__doc__)

examples, bare = [], []
for path in arguments:
    with open(path) as file:
        text = file.read()
    found = r'```mlir\n(.*?)```|Example(?:,[^:]*)?:\s*`([^`]+)`'
    examples += [block or inline for block, inline in re.findall(found, text, re.DOTALL)]
    for definition in re.split(r"^def ", text, flags=re.MULTILINE)[1:]:
        op = re.match(r'\w+\s*:\s*\w+_(?:Async)?Op<"(\w+)"', definition)
        if op and not re.search(found, definition, re.DOTALL):
            bare.append(op.group(1))
if bare:
    sys.exit("ops without an example: " + ", ".join(bare))

for i, example in enumerate(examples):
    example = example.strip()
    if re.match(r"[!#][\w.]+<", example):
        example = f'"test.example"() {{value = {example}}} : () -> ()'
    elif context and "tile.kernel" not in example:
        example = context.replace("EXAMPLE", example)
    print(("// -----\n" if i else "") + example)

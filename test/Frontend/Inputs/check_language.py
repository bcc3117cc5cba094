"""Compiles the examples of the language reference.

usage: check_language.py language.md KERNELS FOLDER

Imports are found in the folder KERNELS. Blocks marked ```lh must compile: all kernels, and every pipeline on arguments with plausible
extents. Blocks marked ```lh-error must fail with the text of their first line, a comment.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

EXTENTS = {"B": 1, "N": 4096, "H": 4, "G": 2, "D": 64, "C": 32, "E": 9}


def translate(path, *options):
    done = subprocess.run(["lighthouse-translate", path, "--target=sm_90a", *options],
                          capture_output=True, text=True)
    return done.returncode, done.stderr


def pipelines(text):
    """Names of the pipelines of a block, each with types for its arguments."""
    for name, params, args in re.findall(r"^pipeline (\w+)(<[^>]*>)?\s*\(([^)]*)\)", text, re.M):
        options = ["--pipeline", name]
        for arg, element, dims in re.findall(r"(\w+): (\w+)\[([^\]]*)\]", args):
            shape = ",".join(str(EXTENTS.get(dim.strip(), dim.strip())) for dim in dims.split(","))
            options += ["--arg", f"{arg}={'f32' if element == 'T' else element}[{shape}]"]
        yield options


def check(kind, text, path):
    """What is wrong with an example, empty if nothing."""
    runs = [translate(path)] + [translate(path, *options) for options in pipelines(text)]
    if kind == "lh":
        return "".join(errors for code, errors in runs if code != 0)
    expected = text.split("\n", 1)[0].removeprefix("// ")
    if any(code == 1 and "error: " + expected in errors for code, errors in runs):
        return ""
    return f"expected '{expected}', found: " + "".join(errors for _, errors in runs)


def main(reference, kernels, folder):
    os.makedirs(folder, exist_ok=True)
    for path in glob.glob(os.path.join(kernels, "*.lh")):
        shutil.copy(path, folder)
    with open(reference, encoding="utf-8") as file:
        source = file.read()
    blocks = [(m.group(1), m.group(2), source.count("\n", 0, m.start()) + 1)
              for m in re.finditer(r"^```(lh|lh-error)\n(.*?)^```$", source, re.M | re.S)]
    failures = 0
    for kind, text, line in blocks:
        path = os.path.join(folder, f"line{line}.lh")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        problem = check(kind, text, path)
        if problem:
            failures += 1
            print(f"{reference}:{line}: {problem}")
    print(f"{len(blocks)} examples, {failures} failures")
    return 1 if failures or not blocks else 0


sys.exit(main(*sys.argv[1:]))

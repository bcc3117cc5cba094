"""Compiles kernels for every architecture and assembles them: no warnings, and no more spills than allowed.

usage: assemble.py PTXAS KERNELS FOLDER GROUP [--arch ARCH]... [--spills BYTES] [--table FILE]

GROUP is f32, f16 or bf16 (the bundled pipelines on tensors of that type), heads (attention alone, of many
head dims), scorers (those beside the norms, of many head dims), gradients (the bundled pipelines forward and
backward), rope (the gather with rotary positions and its adjoint, with both ways to pair columns), documents
(the stages of packed documents and their adjoints), attend_documents (attention within them, both passes), groups
(dense attention forward and backward with KV heads of one, two, four and eight query heads), tuned (what the
tables that come with the compiler were tuned for, with the settings there) or examples. Prints one line for each
kernel and architecture that is not as it should be, then how many are. An architecture that this ptxas does not
know is named and left out. --spills allows so many bytes to a thread. --table writes registers and spills of all
as TSV.
"""
import argparse
import concurrent.futures
import glob
import itertools
import json
import os
import re
import subprocess
import sys

ARCHS = ("sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100", "sm_120")
HERE = os.path.dirname(os.path.abspath(__file__))


def bundled(kernels, dtype):
    """The pipelines of the library: head dims 64 and 128, with one and with four query heads to a group."""
    for dim in (64, 128):
        for heads, groups in ((4, 4), (8, 2)):
            shapes = {"q": heads, "k": groups, "v": groups}
            arguments = [f"{name}={dtype}[1,16384,{n},{dim}]" for name, n in shapes.items()]
            case = f"D{dim}_H{heads}_G{groups}"
            yield case, os.path.join(kernels, "lighthouse.lh"), "lighthouse", arguments
            scores = [f"{name}=f32[1,{groups},5120]" for name in ("sq", "sk")]
            yield case, os.path.join(HERE, "stages.lh"), "pooled", arguments + scores


def heads(_):
    """Rows of odd and even multiples of 32 bytes, short and long."""
    for dim in (16, 32, 48, 80, 96, 112, 160, 192, 208, 224, 240, 256):
        dtype = "f16" if dim % 32 else "bf16"
        arguments = [f"{name}={dtype}[1,{n},8192,{dim}]" for name, n in (("q", 4), ("k", 2), ("v", 2))]
        yield f"D{dim}", os.path.join(HERE, "stages.lh"), "attended", arguments


def attend_documents(_):
    """Head dims with a schedule of their own, and others; KV heads of one and of four query heads; both orders of
    sums."""
    types = (("f32", 64), ("f16", 64), ("bf16", 64), ("f16", 80), ("f16", 128), ("bf16", 128), ("bf16", 256))
    for (dtype, dim), groups, order in itertools.product(types, (8, 2), ("false", "true")):
        shapes = {"q": 8, "k": groups, "v": groups, "do": 8}
        arguments = [f"{name}={dtype}[1,{n},2048,{dim}]" for name, n in shapes.items()]
        options = ["--grad", "--set=scale=0.125", f"--set=DETERMINISTIC={order}"]
        yield (f"{dtype}_D{dim}_G{groups}_{order}", os.path.join(HERE, "attend_documents.lh"), "attend_packed",
               [*options, *arguments, "dlse=f32[1,8,2048]", "tiles=i32[16,2]"])


def scorers(kernels):
    """Tensor cores and without; head dims with a schedule of their own, and others."""
    for dtype, dim in itertools.product(("f32", "f16", "bf16"), (48, 64, 128, 256)):
        arguments = ["--set=scale=0.125", *(f"{name}={dtype}[1,2000,{n},{dim}]"
                                            for name, n in (("q", 2), ("k", 1), ("v", 1)))]
        spec, case = os.path.join(kernels, "scorers.lh"), f"{dtype}_D{dim}"
        yield case, spec, "dilated_score", arguments
        yield case, spec, "gla_score", [*arguments, "gate=f32[1,2000,2]"]


def both_passes(kernels, pipeline, dtype, dim, heads, groups, options):
    shapes = {"q": heads, "k": groups, "v": groups, "do": heads}
    dims = "{},16384" if pipeline == "dense" else "16384,{}"
    arguments = [f"{name}={dtype}[1,{dims.format(n)},{dim}]" for name, n in shapes.items()]
    if pipeline == "lighthouse_rope":
        arguments += [f"{name}=f32[16384,{dim // 2}]" for name in ("cos", "sin")]
    case = "_".join([dtype, f"D{dim}_H{heads}_G{groups}", *(option.strip("-") for option in options)])
    spec = "dense.lh" if pipeline == "dense" else "lighthouse.lh"
    return case, os.path.join(kernels, spec), pipeline, ["--grad", *options, *arguments]


def gradients(kernels):
    """Sub-sequences in any order of sums, dense attention in one order, and without a mask in both."""
    for dtype, dim in itertools.product(("f16", "bf16"), (64, 128)):
        for pipeline, heads, groups, options in (("lighthouse", 8, 2, []),
                                                 ("dense", 4, 4, ["--deterministic"]),
                                                 ("dense", 4, 4, ["--set=CAUSAL=false"]),
                                                 ("dense", 8, 2, ["--set=CAUSAL=false", "--deterministic"])):
            yield both_passes(kernels, pipeline, dtype, dim, heads, groups, options)


def rope(kernels):
    """The gather and its adjoint alone: head dims that are powers of two, and others; three and four levels. Beside
    attention, whose gradient of q is f32."""
    pairings = ("--set=INTERLEAVED=false", "--set=INTERLEAVED=true")
    types = (("f32", 64), ("f16", 48), ("f16", 96), ("bf16", 128), ("bf16", 256))
    for (dtype, dim), levels, pairing in itertools.product(types, ("--set=L=3", "--set=L=4"), pairings):
        shapes = {"q": f"{dtype}[1,16384,8,{dim}]", "k": f"{dtype}[1,16384,2,{dim}]", "v": f"{dtype}[1,16384,2,{dim}]",
                  "cos": f"f32[16384,{dim // 2}]", "sin": f"f32[16384,{dim // 2}]"}
        arguments = ["--grad", levels, pairing, *(f"{name}={shape}" for name, shape in shapes.items())]
        case = "_".join([dtype, f"D{dim}", levels.strip("-"), pairing.strip("-")])
        yield case, os.path.join(HERE, "stages.lh"), "rotated", arguments
    for pairing in pairings:
        yield both_passes(kernels, "lighthouse_rope", "bf16", 128, 8, 2, [pairing])


def documents(_):
    """Two to four levels; as many query heads as KV heads, and four times as many."""
    types = (("f32", 64), ("f16", 128), ("bf16", 64), ("bf16", 128))
    for (dtype, dim), levels, (heads, count) in itertools.product(types, (2, 3, 4), ((4, 4), (8, 2))):
        window = 4 ** (levels - 1)
        rows = {"q": (16384, heads), "k": (16384, count), "v": (16384, count), "do": (16384, heads)}
        places = {"dks": (count, 20480), "dvs": (count, 20480)}
        tables = {"windows": ((16384 + 8 * (window - 1)) // window, 3), "chunks": (19, 5)}
        arguments = [f"{name}={dtype}[1,{a},{b},{dim}]" for name, (a, b) in {**rows, **places}.items()]
        arguments += [f"{name}=i32[{a},{b}]" for name, (a, b) in tables.items()]
        settings = [f"--set=L={levels}", "--set=P=4", "--set=M=128", "--set=S=20480", "--set=WINDOWS=512"]
        case = f"{dtype}_D{dim}_L{levels}_H{heads}_G{count}"
        yield case, os.path.join(HERE, "documents.lh"), "all_packed", ["--grad", *settings, *arguments]


def groups(kernels):
    """The attention kernel's registers are nearly all in use, so each way to sum a group's gradients is assembled."""
    ways = itertools.product(("f16", "bf16"), (64, 128), (8, 4, 2, 1), ([], ["--deterministic"]),
                             ([], ["--set=CAUSAL=false"]))
    for dtype, dim, count, order, mask in ways:
        yield both_passes(kernels, "dense", dtype, dim, 8, count, order + mask)


def tuned(kernels):
    """Both passes on the shapes of the entries for selections, and for attention."""
    entries = []
    for path in glob.glob(os.path.join(kernels, "tuning", "*.json")):
        with open(path, encoding="utf-8") as file:
            entries += json.load(file)["entries"]
    cases = set()
    for entry in entries:
        params = dict(item.split("=") for item in entry["params"].split(", "))
        shapes = dict(item.split("=") for item in re.split(r", (?=\w+=)", entry["shapes"]))
        options = ["--grad"]
        if params.get("DETERMINISTIC") == "true":
            options += ["--deterministic"]
        if entry["kernel"].startswith("gather_tiles"):
            pipeline = "lighthouse"
            options += [f"--set={name}={params[name]}" for name in "LP"]
        elif entry["kernel"].startswith("attend"):
            pipeline = "dense"
            options += [f"--set=CAUSAL={params['CAUSAL']}"]
        else:
            continue  # scatter, and gather's backward pass, are in the pipeline of gather's entry
        arguments = [f"{name}={shapes[name]}".replace(" ", "") for name in "qkv"]
        cases.add((pipeline, (*options, *arguments, "do=" + arguments[0][2:])))
    for i, (pipeline, arguments) in enumerate(sorted(cases)):
        yield f"{i}", os.path.join(kernels, pipeline + ".lh"), pipeline, list(arguments)


def examples(kernels):
    """Sizes that tiles divide, and sizes that they do not."""
    def spec(name):
        return os.path.join(kernels, "examples", name + ".lh")

    for dtype in ("f32", "f16", "bf16"):
        for case, m, n in (("even", 1024, 2048), ("odd", 1000, 999)):
            case = f"{dtype}_{case}"
            yield case, spec("vector_add"), "vector_add", [f"{x}={dtype}[{m * n}]" for x in "xy"]
            yield case, spec("matmul"), "matmul", [f"a={dtype}[{m},{n}]", f"b={dtype}[{n},{m}]"]
            yield case, spec("prefix_sum"), "prefix_sum", [f"x={dtype}[{m * n}]"]
        # Rows in registers of all widths, and longer ones.
        for m, n in ((1024, 2048), (1000, 999), (64, 5120), (64, 8192), (64, 16384), (64, 16381), (8, 100000)):
            case = f"{dtype}_{m}x{n}"
            yield case, spec("softmax"), "softmax", [f"x={dtype}[{m},{n}]"]
            yield case, spec("layer_norm"), "layer_norm", [
                f"x={dtype}[{m},{n}]", f"weight={dtype}[{n}]", f"bias={dtype}[{n}]"]
            yield case, spec("rms_norm"), "rms_norm", [f"x={dtype}[{m},{n}]", f"weight={dtype}[{n}]"]
    for dtype in ("i32", "i64", "f64"):
        yield dtype, spec("prefix_sum"), "prefix_sum", [f"x={dtype}[1000000]"]


def command(*arguments):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def resources(text):
    """(kernel, registers, bytes of spill stores, of spill loads) from what `ptxas -v` prints."""
    pattern = (r"Function properties for (\w+)\s+\d+ bytes stack frame, (\d+) bytes spill stores, "
               r"(\d+) bytes spill loads\s+ptxas info\s+: Used (\d+) registers")
    return [(name, int(used), int(stores), int(loads))
            for name, stores, loads, used in re.findall(pattern, text)]


def assemble(ptxas, folder, tuning, spills, arch, case, spec, pipeline, arguments):
    """Resources of the kernels of one pipeline, and what is wrong with it."""
    path = os.path.join(folder, f"{pipeline}_{case}_{arch}")
    place = f"{arch} {pipeline} {case}"
    options = [option for argument in arguments
               for option in ([argument] if argument.startswith("--") else ["--arg", argument])]
    status, text = command("lhc", "compile", spec, "--pipeline", pipeline, *options, "--target", arch,
                           *tuning, "--emit=ptx", "-o", path + ".ptx", "--time-limit=0")
    if status != 0:
        return [], [f"{place}: lhc ends with {status}: {text}"]
    ignored = [f"{place}: {line}" for line in text.splitlines() if "tuned settings" in line]
    status, text = command(ptxas, "-v", "-arch=" + arch, path + ".ptx", "-o", path + ".cubin")
    if status != 0 and "is not defined for option 'gpu-name'" in text:
        return None, []
    if status != 0:
        return [], [f"{place}: ptxas ends with {status}: {text}"]
    with open(path + ".ptx", encoding="utf-8") as file:
        entries = re.findall(r"^\.visible \.entry (\w+)\(", file.read(), re.M)
    found = resources(text)
    problems = [f"{place}: {name} spills {stores} bytes, and reads {loads}"
                for name, used, stores, loads in found if max(stores, loads) > spills]
    problems += ignored
    # C75xx are advisories, for example of serialised products.
    problems += [f"{place}: {line.strip()}" for line in text.splitlines()
                 if re.search(r"warning|C75\d\d", line)]
    if sorted(entries) != sorted(name for name, *_ in found) or not entries:
        problems.append(f"{place}: expected figures for {entries}, found {found}")
    return found, problems


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("ptxas", "kernels", "folder", "group"):
        parser.add_argument(name)
    parser.add_argument("--arch", action="append")
    parser.add_argument("--spills", type=int, default=0)
    parser.add_argument("--table")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    group = {"examples": examples, "heads": heads, "gradients": gradients, "rope": rope, "documents": documents,
             "attend_documents": attend_documents, "groups": groups, "scorers": scorers,
             "tuned": tuned}.get(options.group)
    tuning = [] if group is tuned else ["--tuning=none"]
    cases = list(group(options.kernels) if group else bundled(options.kernels, options.group))
    jobs = [(arch, *case) for arch in options.arch or ARCHS for case in cases]
    rows, problems, unknown = set(), [], set()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda job: assemble(options.ptxas, options.folder, tuning, options.spills, *job), jobs)
        for (arch, case, *_), (found, wrong) in zip(jobs, results):
            if found is None:
                unknown.add(arch)
                continue
            rows |= {(arch, case, *row) for row in found}
            problems += wrong
    if options.table:
        with open(options.table, "w", encoding="utf-8") as file:
            file.write("arch\tcase\tkernel\tregisters\tstores\tloads\n")
            file.writelines("\t".join(map(str, row)) + "\n" for row in sorted(rows))
    for arch in sorted(unknown):
        print(f"{arch} is not known to this ptxas")
    for problem in problems:
        print(problem)
    print(f"{len(rows)} kernels assembled, {len(problems)} problems")
    return 1 if problems or not rows else 0


sys.exit(main())

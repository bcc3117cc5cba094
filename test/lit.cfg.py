# Configuration of lit: which files are tests, and what their RUN lines may use.
import glob
import os
import shutil
import subprocess

import lit.formats

config.name = "Lighthouse"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".lh", ".test"]
config.excludes = ["unit", "golden", "fuzz", "Inputs"]
config.test_source_root = os.path.join(config.lighthouse_source_dir, "test")
config.test_exec_root = os.path.join(config.lighthouse_build_dir, "test")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.lighthouse_build_dir, "bin"), config.llvm_bin_dir, os.environ["PATH"]])
# Tests neither see nor fill the user's cache.
config.environment["LIGHTHOUSE_CACHE_DIR"] = os.path.join(config.test_exec_root, "cache")
if config.sanitized:
    config.available_features.add("sanitized")
    # LLVM's archives are not instrumented: an allocator that both sides use is poisoned by one alone.
    config.environment["ASAN_OPTIONS"] = "allow_user_poisoning=0"

for name in ("kernels", "docs", "README.md"):
    config.substitutions.append(("%" + name, os.path.join(config.lighthouse_source_dir, name)))
config.substitutions.append(("%bin", os.path.join(config.lighthouse_build_dir, "bin")))
config.substitutions.append(("%libs", os.path.join(config.lighthouse_build_dir, "lib")))
config.substitutions.append(("%llvm_libs", config.llvm_lib_dir))
config.substitutions.append(("%build", config.lighthouse_build_dir))
for name, folder in (("%compiler_examples", "compiler"), ("%runtime_examples", "runtime")):
    config.substitutions.append(
        (name, os.path.join(config.lighthouse_source_dir, folder, "examples")))
config.substitutions.append(("%golden", os.path.join(config.test_source_root, "golden")))
# "%exit N command": the command must end with exit status N.
config.substitutions.append(
    ("%exit", "python3 " + os.path.join(config.test_source_root, "exit_status.py")))
config.substitutions.append(("%python", "python3"))
# PyTorch, where the python3 of the tests has it.
finds_torch = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"
if subprocess.run(["python3", "-c", finds_torch]).returncode == 0:
    config.available_features.add("torch")
# The assembler and the disassembler of NVIDIA's toolkit, where there are some; nothing else here needs the
# toolkit. Triton, which comes with the PyTorch that test.sh installs, has the latter, too.
toolkits = [os.path.join(os.environ.get("CUDA_HOME", "/usr/local/cuda"), "bin"), "/usr/local/cuda/bin"]
toolkits += glob.glob(os.path.join(config.lighthouse_source_dir, "build", "python", "lib", "python3*",
                                   "site-packages", "triton", "backends", "nvidia", "bin"))
for name in ("ptxas", "nvdisasm"):
    tool = shutil.which(name) or shutil.which(name, path=os.pathsep.join(toolkits))
    if tool:
        config.available_features.add(name)
        config.substitutions.append(("%" + name, tool))

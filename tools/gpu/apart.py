"""Parts of a program in processes of their own: one that faults takes no other with it."""
import json
import os
import subprocess
import sys
import tempfile


def run_apart(arguments, file_option, program=None):
    """Runs a program, this one unless another is named, with `arguments` and `file_option FILE`. Returns
    what it wrote to the file as JSON and None, or None and how it failed. What it had written when it
    failed counts: a context of CUDA may fall apart at the very end."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "result.json")
        done = subprocess.run([sys.executable, program or sys.argv[0], *arguments, file_option, path],
                              stderr=subprocess.PIPE, text=True, errors="replace")
        sys.stderr.write(done.stderr)
        if os.path.exists(path):
            with open(path) as file:
                return json.load(file), None
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"status {done.returncode}"
    return None, (f"its process ended with {how}" + (f": {said[-1]}" if said else ""))[:160]

"""Runs all tests of a build, shows progress, and ends with "N passed, N failed[, N skipped]".

usage: run.py BUILD/test [PYTHON]

PYTHON has PyTorch and pytest, for the tests of the Python package; without it they count as skipped.
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree


class Tally:
    """Counts of finished tests and the names of the failed ones."""

    def __init__(self):
        self.passed = self.skipped = 0
        self.failed = []

    def add(self, name, outcome):
        if outcome == "failed":
            self.failed.append(name)
        elif outcome == "skipped":
            self.skipped += 1
        else:
            self.passed += 1

    def summary(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return text + (f", {self.skipped} skipped" if self.skipped else "")


def run_program(path, report):
    """One GoogleTest program. A crash counts as one failed test, beside those it reported."""
    name = os.path.basename(path)
    tally = Tally()
    done = subprocess.run([path, f"--gtest_output=json:{report}", "--gtest_brief=1"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    try:
        with open(report) as file:
            suites = json.load(file)["testsuites"]
    except (OSError, ValueError):
        suites = []
    for suite in suites:
        for test in suite["testsuite"]:
            # GoogleTest calls what an environment skips completed, at the beginning of time.
            skipped = test["result"] == "SKIPPED" or test["timestamp"].startswith("1970")
            outcome = "failed" if test.get("failures") else "skipped" if skipped else "passed"
            tally.add(f"{name}: {suite['name']}.{test['name']}", outcome)
    if done.returncode != 0 and not tally.failed:
        tally.add(f"{name}: exit status {done.returncode}", "failed")
    return tally, done.stdout


def run_lit(lit, directory, report):
    """The lit suites, quietly but for failures."""
    tally = Tally()
    done = subprocess.run([lit, "-sv", "--no-progress-bar", f"--output={report}", directory],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    try:
        with open(report) as file:
            tests = json.load(file)["tests"]
    except (OSError, ValueError):
        tests = []
    for test in tests:
        code = test["code"]
        outcome = ("passed" if code in ("PASS", "XFAIL", "FLAKYPASS")
                   else "skipped" if code in ("UNSUPPORTED", "SKIPPED", "EXCLUDED") else "failed")
        tally.add(test["name"], outcome)
    if done.returncode != 0 and not tally.failed:
        tally.add(f"lit: exit status {done.returncode}", "failed")
    return tally, done.stdout


def run_python(python, directory, report):
    """The tests of the Python package, with the libraries of the build."""
    tally = Tally()
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python")
    files = glob.glob(os.path.join(folder, "test_*.py"))
    if not python:
        for name in files:
            tally.add(name, "skipped")
        return tally, b""
    environment = {**os.environ, "PYTHONPATH": os.path.join(folder, "..", "..", "python"),
                   "LIGHTHOUSE_LIBRARY_DIR": os.path.abspath(os.path.join(directory, "..", "lib"))}
    done = subprocess.run([python, "-m", "pytest", "-q", f"--junit-xml={report}", folder],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
                          env=environment)
    try:
        cases = xml.etree.ElementTree.parse(report).iter("testcase")
    except (OSError, xml.etree.ElementTree.ParseError):
        cases = []
    for case in cases:
        kinds = {child.tag for child in case}
        tally.add(f"python: {case.get('classname')}.{case.get('name')}",
                  "failed" if kinds & {"failure", "error"} else
                  "skipped" if "skipped" in kinds else "passed")
    if done.returncode != 0 and not tally.failed:
        tally.add(f"python: exit status {done.returncode}", "failed")
    return tally, done.stdout


def main(directory, python=None):
    with open(os.path.join(directory, "programs.txt")) as file:
        programs = file.read().split()
    with open(os.path.join(directory, "lit.site.cfg.py")) as file:
        lit = os.path.join(re.search(r'llvm_bin_dir = "(.*)"', file.read()).group(1), "lit")
    total = Tally()
    with tempfile.TemporaryDirectory() as reports:
        # See lit.cfg.py; builds without sanitizers do not look at it.
        os.environ.setdefault("ASAN_OPTIONS", "allow_user_poisoning=0")
        # Tests neither see nor fill the user's cache.
        os.environ["LIGHTHOUSE_CACHE_DIR"] = os.path.join(reports, "cache")
        parts = [("lit", lambda report: run_lit(lit, directory, report))]
        parts += [(os.path.basename(path), lambda report, path=path: run_program(path, report))
                  for path in programs]
        parts.append(("python", lambda report: run_python(python, directory, report)))
        for name, run in parts:
            print(f"[test] {name} ...", flush=True)
            start = time.monotonic()
            tally, output = run(os.path.join(reports, name + ".json"))
            if tally.failed:
                print(output)
            print(f"[test] {name}: {tally.summary()} ({time.monotonic() - start:.1f} s)", flush=True)
            total.passed += tally.passed
            total.skipped += tally.skipped
            total.failed += tally.failed
    for name in total.failed:
        print("failed:", name)
    print(total.summary())
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))

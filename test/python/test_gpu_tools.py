"""What the scripts for GPUs do where other code fails. Needs no GPU."""
import os
import sys
import types

import pytest
import torch

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools", "gpu"))

import apart  # noqa: E402  found by the line above
import public_lighthouse  # noqa: E402


@pytest.mark.parametrize("body, result, failure", [
    ("write()", [1, "x"], None),
    ("write(); os.abort()", [1, "x"], None),
    ("os.abort()", None, "its process ended with signal 6"),
    ("raise RuntimeError('CUDA error: misaligned address')", None,
     "its process ended with status 1: RuntimeError: CUDA error: misaligned address"),
    ("pass", None, "its process ended with status 0"),
])
def test_a_process_that_fails_takes_no_other_with_it(tmp_path, body, result, failure):
    program = tmp_path / "program.py"
    program.write_text(
        "import json, os, sys\n"
        "def write():\n"
        "    assert sys.argv[1:3] == ['one', '--json']\n"
        "    with open(sys.argv[3], 'w') as file:\n"
        "        json.dump([1, 'x'], file)\n" + body + "\n")
    assert apart.run_apart(["one"], "--json", str(program)) == (result, failure)


def public_module(entries):
    """What the public code looks like from outside. Its gather only notes that it was reached."""
    class Selection:
        @staticmethod
        def forward(*_):
            return entries

    class Local:
        def __init__(self, *_, **__):
            self.gathered = False

        def __call__(self, q, k, v):
            Selection.forward()
            self.gathered = True
            return q.transpose(1, 2)

    return types.SimpleNamespace(
        DialatedLighthouseNormScorer=lambda **_: None, LighthouseLocal=Local,
        LighthouseSelectionQkKqChunkedTopkNvrtc=Selection)


def test_the_public_code_does_not_run_on_a_list_with_empty_places():
    q = torch.zeros(1, 4, 2, 8)
    whole = torch.arange(4).expand(1, 2, 4)
    layer = public_lighthouse.PublicLighthouse(public_module(whole), 3, 4, 4, False)
    output, entries = layer.run_and_observe(q, q, q)
    assert output.shape == q.shape and torch.equal(entries, whole)

    empty = whole.clone()
    empty[0, 1, 3] = -1
    layer = public_lighthouse.PublicLighthouse(public_module(empty), 3, 4, 4, False)
    with pytest.raises(public_lighthouse.EmptyPlaces):
        layer.run_and_observe(q, q, q)
    assert not layer._layer.gathered

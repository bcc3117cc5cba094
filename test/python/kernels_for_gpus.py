"""Kernels for GPUs on the host: their results can be compared where there is no GPU."""
import os

import lighthouse_attention as lighthouse

_TEST = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_KERNELS = os.path.join(os.path.dirname(_TEST), "kernels")
INPUTS = os.path.join(_TEST, "Target", "Inputs")
_CLAUSE = "    target cuda\n"


def load_for_host(spec, folder, names):
    """A specification of INPUTS with the kernels for GPUs of the bundled files of these names, but for those that need
    one architecture; copies without the clause that keeps them from the host go to `folder`."""
    for name in sorted(os.listdir(_KERNELS)):
        if name.endswith(".lh"):
            with open(os.path.join(_KERNELS, name), encoding="utf-8") as file:
                text = file.read()
            if name[:-len(".lh")] in names:
                assert _CLAUSE in text
                text = text.replace(_CLAUSE, "")
            (folder / name).write_text(text)
    with open(spec, encoding="utf-8") as file:
        (folder / "spec.lh").write_text(file.read().replace("../../../kernels/", ""))
    return lighthouse.kernels.load(folder / "spec.lh")

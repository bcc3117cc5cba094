"""What a file of results says beside the results, and how it is written."""
import contextlib
import datetime
import json
import os
import sys

import torch


def driver_version():
    with contextlib.suppress(OSError, StopIteration):
        with open("/proc/driver/nvidia/version") as file:
            return next(word for word in file.readline().split() if word[0].isdigit() and "." in word)
    return "unknown"


# Options that say where files are, until when to go on, or which part of the work a process does.
_PLACES = {"json", "lhc", "public", "fa4", "deadline", "part"}


def parameters_of(options):
    """The options that a result depends on."""
    return {name: value for name, value in vars(options).items() if name not in _PLACES}


def _shown(word):
    """A word of a command, absolute paths by their last name: results do not tell where files were."""
    option, equals, value = word.rpartition("=")
    return option + equals + (os.path.basename(value.rstrip("/")) if os.path.isabs(value) else value)


def environment(device):
    """What every file of results says."""
    on_gpu = torch.device(device).type == "cuda"
    return {"device": torch.cuda.get_device_name(device) if on_gpu else "host",
            "driver": driver_version() if on_gpu else None, "torch": torch.__version__,
            "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version() if on_gpu else None,
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "command": " ".join(map(_shown, [sys.executable, *sys.argv]))}


def write_json(path, value):
    """Replaces the file at once, so that a run that is killed leaves the last whole one."""
    with open(path + ".part", "w") as file:
        json.dump(value, file, indent=1)
        file.write("\n")
    os.replace(path + ".part", path)

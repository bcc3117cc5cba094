"""The native files of the Lighthouse compiler, for the package lighthouse_attention.

lib/liblighthouse_compiler.so   compiles in the process of its caller, and contains the runtime
bin/lhc                         the command line, which the console script lhc starts
kernels/                        the bundled specifications, to read: both of the above contain them
"""
import os
import signal
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))


def library_dir():
    """The folder of liblighthouse_compiler.so."""
    return os.path.join(_FOLDER, "lib")


def run_lhc():
    """Becomes lhc with the arguments of this process, so that status and signals are its own."""
    # Python ignores these, and a program that it becomes would, too.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    program = os.path.join(_FOLDER, "bin", "lhc")
    os.execv(program, sys.argv)

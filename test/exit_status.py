"""Runs a command and demands an exit status. usage: exit_status.py STATUS COMMAND..."""
import subprocess
import sys

if len(sys.argv) < 3:
    sys.exit(__doc__)
status = subprocess.run(sys.argv[2:]).returncode
if status != int(sys.argv[1]):
    sys.exit(f"exit status {status} instead of {sys.argv[1]}: {' '.join(sys.argv[2:])}")

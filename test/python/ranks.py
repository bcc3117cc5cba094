"""Processes on the host with one gloo group: some that run functions of test modules, some that run a script."""
import datetime
import multiprocessing
import os
import subprocess
import sys
import traceback
import warnings

import torch
import torch.distributed as dist

TIMEOUT = 120
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _serve(rank, world, store, seconds, connection):
    # Modules of tests go before those of the scripts that other tests look at.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    # A core has several ranks, and each would start threads for all of them.
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", "lighthouse.attention. the sub-sequence")
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world,
                            timeout=datetime.timedelta(seconds=seconds))
    while (task := connection.recv()) is not None:
        function, arguments = task
        try:
            torch.manual_seed(0)
            function(*arguments)
            dist.barrier()
            connection.send(None)
        except BaseException:
            # The others wait for this rank, or have its error too: none can go on.
            connection.send(traceback.format_exc())
            os._exit(1)
    dist.destroy_process_group()


class Ranks:
    """`world` processes with a group; `seconds` is its timeout."""

    def __init__(self, world, folder, seconds=60):
        context = multiprocessing.get_context("spawn")
        self.processes, self.connections = [], []
        for rank in range(world):
            parent, child = context.Pipe()
            process = context.Process(target=_serve, args=(rank, world, folder / "store", seconds, child),
                                      daemon=True)
            process.start()
            # Else the pipe would stay open when the process is gone.
            child.close()
            self.processes.append(process)
            self.connections.append(parent)

    def run(self, function, *arguments):
        """Runs a function of a module on all ranks, and raises what it raised on any."""
        for connection in self.connections:
            connection.send((function, arguments))
        errors = [self.result(rank) for rank in range(len(self.processes))]
        failed = [f"rank {rank}:\n{error}" for rank, error in enumerate(errors) if error]
        if failed:
            self.close()
        assert not failed, "\n".join(failed)

    def result(self, rank):
        """What went wrong on a rank, None if nothing did."""
        try:
            if self.connections[rank].poll(TIMEOUT):
                return self.connections[rank].recv()
        except (EOFError, ConnectionResetError):
            return "the process ended"
        return "the process takes too long"

    def close(self):
        """Lets the processes end."""
        for connection in self.connections:
            try:
                connection.send(None)
            except OSError:
                pass  # It ended with an error that its test has shown.
        for process in self.processes:
            process.join(10)
            if process.is_alive():
                process.kill()
                process.join()


def torchrun(*command):
    """Runs a script with its arguments as two processes, and returns what they print."""
    path = os.pathsep.join([os.path.join(ROOT, "python"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                           *map(str, command)], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, timeout=2 * TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

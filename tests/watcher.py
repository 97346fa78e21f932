"""Watch the system calls of a program under test, and make them fail: strace(1), where it is at hand."""
import shutil
import subprocess

import pytest


class Strace:
    """strace(1) on a running program and the children it makes from now on."""

    def __init__(self, server, *options):
        self.log = server.directory / "strace.txt"
        if not shutil.which("strace"):
            pytest.skip("there is no strace on this machine")
        command = ["strace", "-f", "-y", "-s", "300", "-o", str(self.log), "-p", str(server.pid), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        universal_newlines=True)
        line = self.process.stderr.readline()
        if "attached" not in line:
            self.end()
            pytest.skip("strace can't watch a process here: " + line.strip())

    def end(self):
        self.process.terminate()
        self.process.stderr.close()
        self.process.wait()

    def calls(self):
        """The finished calls, in order."""
        return [line for line in self.log.read_text(errors="replace").splitlines() if ") = " in line
                or "resumed>" in line]

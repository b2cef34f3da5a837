"""A file server of this machine, for tests of what is stored at an address."""

import socket
import subprocess
import sys
import time
from contextlib import contextmanager


@contextmanager
def ftp(folder, *, writable=True):
    """The address of a folder that an FTP server offers to anybody, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port), "-d", str(folder)]
    process = subprocess.Popen([*line, *["--write"] * writable], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield f"ftp://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_for(port):
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, "the FTP server does not answer"
            time.sleep(0.1)

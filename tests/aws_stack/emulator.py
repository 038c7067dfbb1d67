"""MiniStack on a free port of 127.0.0.1. It prints `PORT <number>` once it listens, and ends, with the
functions that it started, when its standard input does.

Retries of a state machine wait a twentieth of what the definition says.
"""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
import threading

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
port = listener.getsockname()[1]

# All that it unpacks and leaves is in a folder of its own.
folder = tempfile.mkdtemp(prefix="ministack-")
tempfile.tempdir = folder
os.environ |= {
    "GATEWAY_PORT": str(port),
    "MINISTACK_HOST": "127.0.0.1",
    # What functions find AWS by.
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    # It would listen on fixed ports, too.
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    "SFN_WAIT_SCALE": "0.05",
    "LOG_LEVEL": "WARNING",
    "TMPDIR": folder,
}

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack.app import app
from ministack.core import lambda_runtime


async def main():
    ended, loop = asyncio.Event(), asyncio.get_running_loop()

    def end_with_standard_input():
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=end_with_standard_input, daemon=True).start()
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.loglevel = "WARNING"
    print("PORT", port, flush=True)
    await serve(app, config, shutdown_trigger=ended.wait)


asyncio.run(main())
lambda_runtime.reset()
shutil.rmtree(folder, ignore_errors=True)
# Threads of its own may wait for tasks that nobody waits for any more.
os._exit(0)

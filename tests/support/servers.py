"""The far sides that tests talk to, none of them ours: each listens on a free port of 127.0.0.1,
prints `PORT <number>` once it does, and ends when its standard input is closed, so that it cannot
outlive the test that started it.

    servers.py sns            moto: Amazon SNS and SQS
    servers.py smtp MAILDIR   aiosmtpd: keeps what it is sent in MAILDIR
    servers.py stripe         localstripe: Stripe's API
    servers.py redis BINARY   Redis, with what else it is to be told
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading


def end_with_standard_input():
    sys.stdin.buffer.read()
    os._exit(0)


def listening(port):
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    print("PORT", port, flush=True)


def free_socket():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    return listener


def sns():
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    listening(server.get_host_and_port()[1])
    threading.Event().wait()


def smtp(maildir):
    from aiosmtpd.handlers import Mailbox
    from aiosmtpd.smtp import SMTP

    class Recipients(Mailbox):
        """`refused@…` is never taken, `busy@…` not at the moment."""

        async def handle_RCPT(self, server, session, envelope, address, options):
            if address.startswith("refused@"):
                return "550 5.1.1 no such user here"
            if address.startswith("busy@"):
                return "451 4.7.1 try again later"
            envelope.rcpt_tos.append(address)
            return "250 2.1.5 recipient taken"

    async def serve():
        recipients = Recipients(maildir)
        listener = free_socket()
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(recipients, hostname="localhost"), sock=listener
        )
        listening(listener.getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


def stripe():
    from aiohttp import web
    from localstripe import resources
    from localstripe.server import app

    # It would write its store to a path that every run on the machine shares.
    resources.Store.dump_to_disk = lambda self: None

    held = []

    @web.middleware
    async def holding(request, handler):
        response = await handler(request)
        if held and request.method == "POST" and request.path.endswith(held[0]):
            held.clear()
            await asyncio.Event().wait()
        return response

    async def hold_answer(request):
        """The next POST to a path that ends with `path` is performed, and never answered."""
        held[:] = [request.query["path"]]
        return web.Response()

    # Outermost: by then localstripe has made its refusals answers.
    app.middlewares.insert(0, holding)
    app.router.add_put("/_config/hold-answer", hold_answer)

    async def serve():
        listener = free_socket()
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        listening(listener.getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(serve())


def redis(binary, *settings):
    with tempfile.TemporaryDirectory() as folder:
        while True:
            with free_socket() as listener:
                port = listener.getsockname()[1]
            server = subprocess.Popen(
                [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *settings],
                cwd=folder,
                stdout=subprocess.PIPE,
                text=True,
            )
            said = ""
            for line in server.stdout:
                said += line
                if "Ready to accept connections" in line:
                    break
            else:
                # Another process may have taken the port in between.
                if "Address already in use" in said:
                    continue
                sys.exit(said)
            break
        print("PORT", port, flush=True)
        threading.Thread(target=server.stdout.read, daemon=True).start()
        sys.stdin.buffer.read()
        server.terminate()
        server.wait()


{"sns": sns, "smtp": smtp, "stripe": stripe, "redis": redis}[sys.argv[1]](*sys.argv[2:])

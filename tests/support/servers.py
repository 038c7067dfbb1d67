"""The far sides that tests talk to, none of them ours: each listens on a free port of 127.0.0.1,
prints `PORT <number>` once it does, and ends when its standard input is closed, so that it cannot
outlive the test that started it.

    servers.py aws [PORT]     moto: AWS's services, behind a gate
    servers.py moto           moto: the same for one test
    servers.py oauth          oauthlib: an authorization server, and an API that wants its tokens
    servers.py collector      a collector of OpenTelemetry's traces
    servers.py smtp MAILDIR   aiosmtpd: keeps what it is sent in MAILDIR
    servers.py stripe         localstripe: Stripe's API
    servers.py redis BINARY   Redis, with what else it is to be told
"""

import asyncio
import base64
import contextlib
import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

REQUESTS_KEPT = 1_000


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


def aws(port="0"):
    """At the gate, what a client with a certain access key asks for is answered otherwise: `PUT /_faults` with
    `{"key": …, "answers": […]}` has its next requests answered so, one by one, each with
    `{"status", "headers", "body"}`, after `{"delay"}` seconds, or, once it was performed, never (`{"lose": true}`),
    or refused once something else is told (`{"hold": true}`).
    `GET /_asked/KEY` is how many requests there were with a key, and `GET /_requests` what each was.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    moto = DomainDispatcherApplication(create_backend_app)
    lock, faults, asked, requests = threading.Condition(), {}, {}, []

    def answer(start_response, status, headers, body):
        body = body.encode()
        start_response(status, [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]

    def gate(environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/_faults":
            told = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            with lock:
                faults[told["key"]] = told["answers"]
                lock.notify_all()
            return answer(start_response, "200 OK", {}, "")
        if path.startswith("/_asked/"):
            return answer(start_response, "200 OK", {}, str(asked.get(path.removeprefix("/_asked/"), 0)))
        if path == "/_requests":
            return answer(start_response, "200 OK", {}, json.dumps(requests))
        found = re.search("Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        key = found and found[1]
        body = b""
        if environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
        target = environ.get("HTTP_X_AMZ_TARGET") or path
        with lock:
            if len(requests) < REQUESTS_KEPT:
                requests.append({"key": key, "target": target, "body": body.decode("utf-8", "replace")})
            asked[key] = asked.get(key, 0) + 1
            answers = faults.get(key)
            fault = answers.pop(0) if answers else {}
            if fault.get("hold"):
                lock.wait_for(lambda: faults[key] is not answers)
                fault = {"status": 503, "body": '{"__type": "ServiceUnavailableException"}'}
        time.sleep(fault.get("delay", 0))
        if "status" in fault:
            status, headers = f"{fault['status']} Told", fault.get("headers", {})
            return answer(start_response, status, headers, fault["body"])
        if fault.get("lose"):
            list(moto(environ, lambda *_: None))
            threading.Event().wait()
        return moto(environ, start_response)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", int(port), gate, threaded=True)
    listening(server.port)
    server.serve_forever()


class Moto:
    """moto, told over HTTP how the next calls fail.

    `PUT /_config/fail?call=PutItem&times=2` and either `status=400&code=ThrottlingException`: the call
    is refused so; or `hold=1`: it is done, and never answered. `call` stands in the request's target
    or path. `GET /_config/calls` says how many calls of each target or path there were.
    """

    def __init__(self):
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        self.moto = DomainDispatcherApplication(create_backend_app)
        self.failures, self.calls = [], {}
        # moto answers each request in a thread of its own and locks nothing, where DynamoDB makes the
        # changes of an item one after the other.
        self.dynamodb = threading.Lock()

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/_config/fail":
            query = dict(urllib.parse.parse_qsl(environ["QUERY_STRING"]))
            self.failures.append(query | {"times": int(query["times"])})
            return self.answer(start_response, {})
        if path == "/_config/calls":
            return self.answer(start_response, self.calls)
        target = environ.get("HTTP_X_AMZ_TARGET") or path
        if not path.startswith("/moto-api"):
            self.calls[target] = self.calls.get(target, 0) + 1
        failure = next((it for it in self.failures if it["times"] and it["call"] in target), {})
        if failure:
            failure["times"] -= 1
        if "code" in failure:
            error = {"__type": failure["code"], "message": "as the test has it"}
            headers = [("X-Amzn-ErrorType", failure["code"])]
            return self.answer(start_response, error, failure["status"] + " Failed", headers)
        with self.dynamodb if target.startswith("DynamoDB_") else contextlib.nullcontext():
            answer = list(self.moto(environ, start_response))
        if "hold" in failure:
            threading.Event().wait()
        return answer

    def answer(self, start_response, content, status="200 OK", headers=()):
        body = json.dumps(content).encode()
        length = ("Content-Length", str(len(body)))
        start_response(status, [("Content-Type", "application/json"), length, *headers])
        return [body]


def moto():
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server(
        "127.0.0.1", 0, Moto(), threaded=True, request_handler=MotoRequestHandler
    )
    server.daemon_threads = True
    listening(server.server_port)
    server.serve_forever()


def oauth():
    """`POST /token` gives a token to the client `orders` with the secret `client secret`; every other path
    answers what it was asked, to whoever has a token. `PUT /_config/forget` has all tokens forgotten.
    """
    import oauthlib.oauth2
    from aiohttp import web

    tokens = {}

    class Clients(oauthlib.oauth2.RequestValidator):
        def authenticate_client(self, request, *args, **kwargs):
            given = request.headers.get("Authorization", "").removeprefix("Basic ")
            request.client = oauthlib.oauth2.WebApplicationClient("orders")
            return base64.b64decode(given) == b"orders:client secret"

        def validate_grant_type(self, client_id, grant_type, *args, **kwargs):
            return grant_type == "client_credentials"

        def get_default_scopes(self, *args, **kwargs):
            return ["read"]

        def validate_scopes(self, client_id, scopes, *args, **kwargs):
            return set(scopes) <= {"read", "write"}

        def save_bearer_token(self, token, request, *args, **kwargs):
            tokens[token["access_token"]] = request.scopes

        def validate_bearer_token(self, token, scopes, request):
            return token in tokens

    server = oauthlib.oauth2.BackendApplicationServer(Clients())
    given = 0

    async def token(request):
        nonlocal given
        given += 1
        arguments = (str(request.url), "POST", await request.text(), dict(request.headers))
        headers, body, status = server.create_token_response(*arguments)
        return web.Response(text=body, status=status, headers=headers)

    async def forget(request):
        tokens.clear()
        return web.Response()

    async def api(request):
        allowed, _ = server.verify_request(str(request.url), request.method, "", dict(request.headers))
        if not allowed:
            return web.json_response({"error": "invalid_token"}, status=401)
        asked = {
            "method": request.method,
            "path": request.raw_path,
            "headers": [[name, value] for name, value in request.headers.items()],
            "body": await request.text(),
            "tokens_given": given,
        }
        return web.json_response(asked)

    async def serve():
        app = web.Application()
        app.router.add_post("/token", token)
        app.router.add_put("/_config/forget", forget)
        app.router.add_route("*", "/{path:.*}", api)
        listener = free_socket()
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        listening(listener.getsockname()[1])
        await asyncio.Event().wait()

    # Tokens go over the loopback interface only.
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    asyncio.run(serve())


def collector():
    """OTLP over HTTP with protobuf, read by OpenTelemetry's own classes. `GET /_collector` is what came;
    `PUT /_collector?mode=…` has what comes then taken (`ok`), answered 503 (`unavailable`) or 400 (`refuse`), or
    not answered until another mode is told (`hold`).
    """
    from aiohttp import web
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
        ExportTraceServiceResponse,
    )

    state, spans = {"mode": "ok", "refused": 0}, []
    changed = asyncio.Event()

    def attributes(pairs):
        return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}

    def shown(span, resource, scope, headers):
        return {
            "trace": span.trace_id.hex(),
            "id": span.span_id.hex(),
            "parent": span.parent_span_id.hex(),
            "name": span.name,
            "start": span.start_time_unix_nano,
            "end": span.end_time_unix_nano,
            "attributes": attributes(span.attributes),
            "links": [link.span_id.hex() for link in span.links],
            "status": span.status.code,
            "message": span.status.message,
            "resource": attributes(resource.attributes),
            "scope": scope.name,
            "headers": headers,
        }

    async def control(request):
        nonlocal changed
        if request.method == "PUT":
            state["mode"] = request.query["mode"]
            changed.set()
            changed = asyncio.Event()
        return web.json_response({**state, "spans": spans})

    async def traces(request):
        body = await request.read()
        if state["mode"] == "hold":
            await changed.wait()
        if state["mode"] in ("unavailable", "refuse"):
            state["refused"] += 1
            return web.Response(status={"unavailable": 503, "refuse": 400}[state["mode"]])
        assert request.content_type == "application/x-protobuf", request.content_type
        headers = {name.lower(): text for name, text in request.headers.items()}
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = resource_spans.resource
            for scope_spans in resource_spans.scope_spans:
                found = scope_spans.spans
                spans.extend(shown(span, resource, scope_spans.scope, headers) for span in found)
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")

    async def serve():
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/_collector", control)
        app.router.add_post("/v1/traces", traces)
        listener = free_socket()
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        listening(listener.getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(serve())


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


servers = {
    "aws": aws,
    "moto": moto,
    "oauth": oauth,
    "collector": collector,
    "smtp": smtp,
    "stripe": stripe,
    "redis": redis,
}
servers[sys.argv[1]](*sys.argv[2:])

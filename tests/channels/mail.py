#!/usr/bin/env python3
"""The sandbox's e-mail against a real SMTP server: in clear, with STARTTLS, with TLS from the first byte.

Usage: mail.py SANDBOX   the path of the built program
Needs the packages `aiosmtpd` and `cryptography`. Each mail is read as a mail program would, its link is opened,
somebody logs in and approves, and the client gets its tokens.
"""

import contextlib
import datetime
import email
import email.policy
import html.parser
import http.cookiejar
import json
import os
import queue
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

CIBA = "urn:openid:params:grant-type:ciba"
PATIENCE_S = 20
LOGIN, PASSWORD = "mailer@bank.example", "p/w: with %20"


def certificate(folder, name):
    """A root and a server certificate for localhost under it: paths of root, chain, key."""
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)

    def signed(subject, key, issuer, signer, extensions):
        builder = x509.CertificateBuilder(
            subject_name=subject, issuer_name=issuer, public_key=key.public_key(),
            serial_number=x509.random_serial_number(), not_valid_before=now - day, not_valid_after=now + day,
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    called = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = signed(called(name), root_key, called(name), root_key, [(x509.BasicConstraints(True, None), True)])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    leaf = signed(called("localhost"), key, called(name), root_key, [(names, False)])
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    paths = [os.path.join(folder, f"{name}-{part}.pem") for part in ("root", "chain", "key")]
    for path, data in zip(paths, (root, leaf, pem)):
        with open(path, "wb") as file:
            file.write(data)
    return paths


def server_tls(chain, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    return context


class Mailbox:
    """Takes every message and keeps it."""

    def __init__(self):
        self.messages = queue.Queue()
        self.logins = []

    async def handle_DATA(self, server, session, envelope):
        self.messages.put((envelope, server.transport.get_extra_info("ssl_object") is not None))
        return "250 OK"

    def authenticate(self, server, session, envelope, mechanism, auth_data):
        self.logins.append((auth_data.login.decode(), auth_data.password.decode()))
        return AuthResult(success=self.logins[-1] == (LOGIN, PASSWORD), handled=False)


class StartTls(Controller):
    """A server that takes mail only after STARTTLS."""

    def __init__(self, handler, context, **options):
        self.context = context
        super().__init__(handler, **options)

    def factory(self):
        return SMTP(self.handler, tls_context=self.context, require_starttls=True, hostname="localhost", **self.SMTP_kwargs)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@contextlib.contextmanager
def running(controller):
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@contextlib.contextmanager
def sandbox(program, *arguments):
    """A sandbox whose client has e-mail; gives the values it prints."""
    command = [program, "--json", "serve", "--channel", "email", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line, f"the sandbox did not start: {process.stderr.read()}"
            yield json.loads(line)
        finally:
            process.terminate()
            said = process.stdout.read() + process.stderr.read()
            assert "consent=cns_" not in said and PASSWORD not in said, "a secret was printed"


def post(url, form, opener=urllib.request.build_opener()):
    """Status and body of a form that was sent."""
    data = urllib.parse.urlencode(form).encode()
    try:
        with opener.open(urllib.request.Request(url, data)) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def get(url, opener=urllib.request.build_opener()):
    with opener.open(url) as answer:
        return answer.read().decode()


def start(ready):
    hint = {"format": "iss_sub", "iss": ready["issuer"], "sub": ready["user_id"]}
    status, body = post(f"{ready['origin']}/bc-authorize", {
        "client_id": ready["client_id"], "client_secret": ready["client_secret"], "scope": "openid",
        "binding_message": "TX-4711", "login_hint": json.dumps(hint), "requested_expiry": "600",
    })
    assert status == 200, body
    return json.loads(body)["auth_req_id"]


def poll(ready, request):
    status, body = post(f"{ready['origin']}/oauth/token", {
        "client_id": ready["client_id"], "client_secret": ready["client_secret"],
        "grant_type": CIBA, "auth_req_id": request,
    })
    return status, json.loads(body)


class Form(html.parser.HTMLParser):
    """The hidden fields of a page."""

    def __init__(self, page):
        super().__init__()
        self.fields = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "input" and attributes.get("type") == "hidden":
            self.fields[attributes["name"]] = attributes["value"]


def approve(ready, link):
    """What a person does: open, log in, allow."""
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    action = link.split("?")[0]
    login = {"username": ready["username"], "password": ready["user_password"], "action": "login"}
    status, page = post(action, Form(get(link, browser)).fields | login, browser)
    assert status == 200 and "TX-4711" in page, page
    status, page = post(action, Form(page).fields | {"action": "allow"}, browser)
    assert status == 200 and "Approved" in page, page


def outbox(ready):
    return json.loads(get(f"{ready['console_url']}control/outbox"))


def outcome(ready):
    """Status and reason of the newest message, once it is not on its way any more."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        newest = outbox(ready)[0]
        if newest["status"] != "sending":
            return newest["status"], newest["reason"]
        time.sleep(0.05)
    raise AssertionError("the message is still on its way")


def read(envelope):
    """Checks a message as it came over the wire; gives its link."""
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert envelope.mail_from == "no-reply@bank.example", envelope.mail_from
    assert envelope.rcpt_tos == ["ana@example.com"] and message["to"] == "ana@example.com"
    assert message["from"] == "Bank <no-reply@bank.example>", message["from"]
    assert "Sandbox agent" in message["subject"]
    assert message["date"] and message["message-id"]
    assert message.get_content_type() == "multipart/alternative", message.get_content_type()
    parts = {part.get_content_type(): part.get_content() for part in message.iter_parts()}
    assert list(parts) == ["text/plain", "text/html"], list(parts)
    links = {kind: re.search(r"http://[^\s\"<]+/bc-verify\?consent=cns_[\w-]+", text) for kind, text in parts.items()}
    assert all(links.values()), parts
    assert links["text/plain"][0] == links["text/html"][0]
    assert all("TX-4711" in text for text in parts.values())
    return links["text/plain"][0]


def delivered(program, mailbox, url, tls, *more):
    sender = ["--mail-from", "Bank <no-reply@bank.example>"]
    with sandbox(program, "--smtp-url", url, *sender, *more) as ready:
        request = start(ready)
        envelope, encrypted = mailbox.messages.get(timeout=PATIENCE_S)
        assert encrypted == tls, f"encrypted: {encrypted}"
        link = read(envelope)
        assert outcome(ready) == ("sent", None)
        assert link not in json.dumps(outbox(ready)), "the text is kept although it went out"
        assert poll(ready, request)[1]["error"] == "authorization_pending"
        approve(ready, link)
        status, body = poll(ready, request)
        assert status == 200 and body["id_token"], body


def refused(program, mailbox, url, reason, *more):
    """The message does not go out, the console says why, the request lives on."""
    with sandbox(program, "--smtp-url", url, *more) as ready:
        request = start(ready)
        assert outcome(ready) == ("failed", reason), outcome(ready)
        assert poll(ready, request)[1]["error"] == "authorization_pending"
    assert mailbox.messages.empty(), "a message went out"


def main(program):
    folder = tempfile.mkdtemp()
    root, chain, key = certificate(folder, "ours")
    other, _, _ = certificate(folder, "other")
    escape = lambda text: urllib.parse.quote(text, safe="")
    user = f"{escape(LOGIN)}:{escape(PASSWORD)}@"

    def at():
        return dict(hostname="127.0.0.1", port=free_port())

    def clear(mailbox):
        return Controller(mailbox, **at())

    def starttls(mailbox):
        return StartTls(mailbox, server_tls(chain, key), **at())

    def tls(mailbox):
        # The session is encrypted from the first byte, but the server knows only of STARTTLS and warns.
        warnings.simplefilter("ignore")
        return Controller(
            mailbox, ssl_context=server_tls(chain, key), authenticator=mailbox.authenticate,
            auth_required=True, auth_require_tls=False, **at(),
        )

    def with_login(mailbox, port):
        delivered(program, mailbox, f"smtps://{user}localhost:{port}", True, "--smtp-ca", root)
        assert mailbox.logins == [(LOGIN, PASSWORD)], mailbox.logins

    untrusted = "there is no TLS connection that can be trusted to the mail server"
    cases = [
        ("in clear, to this machine", clear,
         lambda mailbox, port: delivered(program, mailbox, f"smtp://localhost:{port}", False)),
        ("with STARTTLS", starttls,
         lambda mailbox, port: delivered(program, mailbox, f"smtp://localhost:{port}?tls=required", True, "--smtp-ca", root)),
        ("with TLS from the first byte, and a login", tls, with_login),
        ("a server without STARTTLS gets no message when it is required", clear,
         lambda mailbox, port: refused(program, mailbox, f"smtp://localhost:{port}?tls=required",
                                       "the mail server does not offer what is asked of it", "--smtp-ca", root)),
        ("a certificate of a stranger is not trusted", tls,
         lambda mailbox, port: refused(program, mailbox, f"smtps://localhost:{port}", untrusted, "--smtp-ca", other)),
        ("a refusal of the server is told by its code", tls,
         lambda mailbox, port: refused(program, mailbox, f"smtps://wrong:login@localhost:{port}",
                                       "the mail server refused the message (535)", "--smtp-ca", root)),
    ]
    passed = failed = 0
    for name, controller, case in cases:
        mailbox = Mailbox()
        try:
            with running(controller(mailbox)) as port:
                case(mailbox, port)
            passed += 1
            print(f"ok     {name}", flush=True)
        except (AssertionError, queue.Empty, OSError) as error:
            failed += 1
            print(f"FAILED {name}: {type(error).__name__} {error}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))

"""The gate: who has the address gets in, and nobody else; nothing of nonsense gets through to the page."""

import asyncio

import numpy as np
import pytest

from rawgan.lab.gate import Gate

PORT, TOKEN = 8123, "the-token"
HOST = (b"host", b"127.0.0.1:8123")
COOKIE = (b"cookie", b"a=b; rawgan-lab-8123=the-token")


async def page(scope, receive, send):
    """The page behind the gate."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the page"})


def ask(headers=(), query=b"", kind="http", path="/"):
    """The answer, as a list of messages."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "path": path, "query_string": query, "headers": list(headers)}
    asyncio.run(Gate(page, TOKEN, PORT)(scope, None, send))
    return sent


def status(*arguments, **options):
    return ask(*arguments, **options)[0]["status"]


def test_the_address_with_its_token_gives_a_cookie_and_leads_to_the_page():
    answer = ask([HOST], b"token=the-token&room=step&lang=zh", path="//elsewhere.example/")[0]
    headers = dict(answer["headers"])
    assert answer["status"] == 303
    assert headers[b"location"] == b"/?room=step&lang=zh"
    assert headers[b"set-cookie"] == b"rawgan-lab-8123=the-token; HttpOnly; SameSite=Strict; Path=/"
    assert ask([HOST, COOKIE])[1]["body"] == b"the page"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ([HOST], b""),
        ([HOST], b"token="),
        ([HOST], b"token=the-tokem"),
        ([HOST], b"tokens=the-token"),
        ([HOST, (b"cookie", b"rawgan-lab-8123=other")], b""),
        ([HOST, (b"cookie", b"rawgan-lab-8124=the-token")], b""),
        ([HOST, (b"cookie", "rawgan-lab-8123=the-tokenö".encode())], b""),
        ([HOST, (b"cookie", b"\xff=;;=\x00")], b""),
        ([COOKIE], b""),  # without a host
        ([HOST, HOST, COOKIE], b""),
        (
            [(b"host", b"elsewhere.example:8123"), COOKIE],
            b"token=the-token",
        ),  # a name led to this machine
        ([(b"host", b"127.0.0.1:80"), COOKIE], b""),
        ([HOST, COOKIE, (b"origin", b"http://elsewhere.example")], b""),
        ([HOST, COOKIE, (b"origin", b"https://127.0.0.1:8123")], b""),
        ([HOST, COOKIE, (b"origin", b"null")], b""),
        ([HOST, (b"origin", b"http://elsewhere.example")], b"token=the-token"),
    ],
)
def test_others_are_refused(headers, query):
    assert status(headers, query) == 403
    (closed,) = ask(headers, query, "websocket")
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)


@pytest.mark.parametrize("host", [b"127.0.0.1:8123", b"localhost:8123"])
def test_a_websocket_of_the_page_is_let_through(host):
    headers = [(b"Host", host), COOKIE, (b"Origin", b"http://" + host)]
    assert ask(headers, kind="websocket") == [{"type": "websocket.accept"}]


def test_a_websocket_gets_in_by_the_cookie_alone():
    assert ask([HOST], b"token=the-token", "websocket")[0]["type"] == "websocket.close"


def test_a_thousand_requests_of_nonsense_are_answered_and_none_gets_in():
    rng = np.random.default_rng(0)
    for _ in range(1000):
        headers = [(rng.bytes(4).lower(), rng.bytes(9)) for _ in range(3)] + [HOST, (b"cookie", rng.bytes(20))]
        assert status(headers, rng.bytes(30)) == 403


def test_the_start_of_the_server_is_no_request():
    assert ask(kind="lifespan") == ask([HOST, COOKIE])

"""The gate in front of the lab's page: only who has its address gets in, and only from this machine."""

import hmac
from collections.abc import Awaitable, Callable, Iterable
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "rawgan-lab"


class Gate:
    """ASGI middleware: refuses requests without the token, of other hosts, and from pages of other origins.

    The token is in the address that the lab prints. A request that has it there gets it as a cookie, and is sent on to
    the address without it. A page elsewhere can make a browser send a request here, but neither with our name in `Host`
    and `Origin` nor with the cookie.
    """

    def __init__(self, app: App, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost")}
        self._cookie = f"{COOKIE}-{port}"  # cookies know no ports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = [(name.lower(), value) for name, value in scope["headers"]]
        query = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
        if not self._is_ours(headers):
            await _refuse(scope, send, "This page is for this machine alone.")
        elif self._is_right(token for name, token in query if name == "token") and scope["type"] == "http":
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            place = "/" + (f"?{rest}" if rest else "")  # of this host, whatever the path was
            cookie = f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/"
            await _answer(send, 303, b"", [(b"location", place.encode()), (b"set-cookie", cookie.encode())])
        elif self._is_right(_cookies(headers, self._cookie)):
            await self._app(scope, receive, send)
        else:
            await _refuse(scope, send, "Open the address that rawgan lab has printed, with its token.")

    def _is_ours(self, headers: list[tuple[bytes, bytes]]) -> bool:
        """True if the request names this host, and comes from no page of another one."""
        hosts = [value for name, value in headers if name == b"host"]
        origins = [value for name, value in headers if name == b"origin"]
        return (
            len(hosts) == 1 and hosts[0] in self._hosts and all(origin == b"http://" + hosts[0] for origin in origins)
        )

    def _is_right(self, tokens: Iterable[str]) -> bool:
        return any(hmac.compare_digest(token.encode(), self._token.encode()) for token in tokens)


def _cookies(headers: list[tuple[bytes, bytes]], name: str) -> list[str]:
    """Values of a cookie."""
    found = []
    for header, value in headers:
        if header == b"cookie":
            try:
                cookies = SimpleCookie(value.decode("latin-1"))
            except CookieError:
                continue
            found += [cookies[name].value] if name in cookies else []
    return found


async def _refuse(scope: Scope, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": why})  # before it was accepted: 403
        return
    await _answer(send, 403, why.encode(), [(b"content-type", b"text/plain; charset=utf-8")])


async def _answer(send: Send, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

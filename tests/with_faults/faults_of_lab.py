"""Faults of the lab: its gate, its view of a run's files, its workbench."""

from fault import Fault

FAULTS = [
    Fault(
        "gate: pages of other origins get in",
        "Gate._is_ours",
        'and all(origin == b"http://" + hosts[0] for origin in origins)',
        "",
        "test_gate.py -k others_are_refused",
    ),
    Fault(
        "gate: this machine has any name",
        "Gate._is_ours",
        "and hosts[0] in self._hosts",
        "",
        "test_gate.py -k others_are_refused",
    ),
    Fault(
        "gate: websockets need no cookie",
        "Gate.__call__",
        'scope["type"] not in ("http", "websocket")',
        'scope["type"] != "http"',
        "test_gate.py -k others_are_refused",
    ),
    Fault(
        "gate: the address leads on to another host",
        "Gate.__call__",
        'place = "/" +',
        'place = scope["path"] +',
        "test_gate.py -k leads_to_the_page",
    ),
    Fault(
        "gate: the cookie of another port is as good",
        "_cookies",
        "[cookies[name].value] if name in cookies else []",
        "[cookie.value for cookie in cookies.values()]",
        "test_gate.py -k others_are_refused",
    ),
    Fault(
        "watching: a file that was cut and has grown again is read on",
        "Tail.look",
        "or not self._fits(file)",
        "",
        "test_watching.py -k goes_back",
    ),
    Fault(
        "watching: links among the pictures are followed",
        "RunWatch.pictures",
        "if not is_link(path)",
        "",
        "test_watching.py -k no_links",
    ),
    Fault(
        "workbench: a step that was asked for twice is taken twice",
        "Workbench._ask",
        "if not self.is_waiting:",
        "if self.ready is None:",
        "test_workbench.py -k asking_twice",
    ),
    Fault(
        "workbench: the step does not stop at its parts",
        "_Held.__call__",
        'self._whole = self._connection.recv() == "step"',
        "self._whole = bool(self._connection.recv())",
        "test_workbench.py -k part_by_part",
    ),
]

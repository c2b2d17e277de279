"""The engine host's end of the pipe: questions as they come, those that wait together in groups."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence

from headway_server.services.engine_port import Asked, AskPoints

RECEIVE_BYTES = 1 << 18


def arriving(pipe: socket.socket) -> Iterator[list[Asked]]:
    """The questions that have come since the last time, at least one; ends as the other end closes."""
    rest = b""
    while received := pipe.recv(RECEIVE_BYTES):
        *lines, rest = (rest + received).split(b"\n")
        if lines:
            yield [Asked.model_validate_json(line) for line in lines]


def grouped(waiting: Sequence[Asked]) -> Iterator[list[Asked]]:
    """Questions for points of one study together, any other by itself; in the order of the groups' first."""
    groups: dict[tuple[int, str] | int, list[Asked]] = {}
    for asked in waiting:
        question = asked.question
        of_study = isinstance(question, AskPoints)
        key = (question.project, question.study) if of_study else asked.id
        groups.setdefault(key, []).append(asked)
    yield from groups.values()

"""A TCP proxy on loopback that spoils what passes: slow, lost after it was delivered, reset, or swallowed."""

import asyncio
import random
import socket
import struct
import threading
from dataclasses import dataclass
from typing import Self


@dataclass
class Faults:
    """Probabilities, for each chunk that passes."""

    lost_answer: float = 0.01
    """The request was delivered, and the connection is reset when the answer comes."""
    reset: float = 0.005
    swallowed: float = 0.002
    """Nothing more passes for `swallowed_s`, then the connection is reset."""
    swallowed_s: float = 2.0
    slow: float = 0.05
    slow_s: float = 0.2


class FaultProxy:
    """Passes connections on to a port, in a thread of its own, until the block ends."""

    def __init__(self, port: int, faults: Faults, seed: int) -> None:
        self._upstream, self._faults, self._draw = port, faults, random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.spoilt = 0
        """How many chunks met a fault."""

    def __enter__(self) -> Self:
        self._thread.start()
        start = asyncio.start_server(self._connected, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(start, self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        await self._server.wait_closed()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            _reset(writer)
            return
        both = (writer, upstream)
        try:
            await asyncio.gather(
                self._pass_on(reader, upstream, both, answer=False),
                self._pass_on(upstream_reader, writer, both, answer=True),
            )
        finally:
            for end in both:
                _reset(end)

    async def _pass_on(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
        *,
        answer: bool,
    ) -> None:
        faults = self._faults
        try:
            while data := await source.read(65536):
                luck = self._draw.random()
                if answer and luck < faults.lost_answer:
                    raise ConnectionResetError
                luck = self._draw.random()
                if luck < faults.reset:
                    raise ConnectionResetError
                if luck < faults.reset + faults.swallowed:
                    await asyncio.sleep(faults.swallowed_s)
                    raise ConnectionResetError
                if luck < faults.reset + faults.swallowed + faults.slow:
                    self.spoilt += 1
                    await asyncio.sleep(faults.slow_s)
                sink.write(data)
                await sink.drain()
            if sink.can_write_eof():
                sink.write_eof()
        except OSError:
            self.spoilt += 1
            for writer in both:
                _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with an RST, as a machine does that lost its memory of the connection."""
    connection = writer.get_extra_info("socket")
    if connection is not None and not writer.transport.is_closing():
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

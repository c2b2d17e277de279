"""Every setting of the server: HEADWAY_… in the environment, built once and passed down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from headway_server.logs import LogFormat


def sqlite_url(path: str | Path) -> str:
    """The URL of an embedded SQLite database."""
    return f"sqlite:///{Path(path).absolute()}"


class Settings(BaseSettings):
    """The server's settings."""

    model_config = SettingsConfigDict(env_prefix="HEADWAY_", frozen=True)

    database_url: str = Field(default_factory=lambda: sqlite_url(".headway/headway.db"))
    """Where the studies are: sqlite:///path or postgresql://…"""
    database_wait_s: Annotated[float, Field(ge=0)] = 60.0
    """How long a server that starts waits for a PostgreSQL that is away, seconds."""
    max_body_bytes: Annotated[int, Field(ge=1024)] = 8 * 1024 * 1024
    """Largest request body that is read, bytes."""
    max_import_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024 * 1024
    """Largest exported study that is read in again, bytes. Reading takes some ten times that in memory."""
    sweep_every_s: Annotated[float, Field(gt=0)] = 2.0
    """How often lapsed leases are taken back, seconds."""
    events_poll_ms: Annotated[int, Field(ge=10)] = 250
    """How often a stream of events, or a held suggest, looks for news from other processes, ms."""
    metrics: bool = False
    """Whether /metrics answers, in Prometheus' format. It takes no key: who may ask is the network's part."""
    suggests_per_s: Annotated[float, Field(ge=0)] = 200.0
    """How often a key may ask for trials, requests a second, and ten seconds' worth at once; 0: no limit.
    Each server process counts for itself. Whoever needs no key has no limit, of this kind or the next."""
    finishes_per_s: Annotated[float, Field(ge=0)] = 500.0
    """Likewise for results and released trials."""
    heartbeats_per_s: Annotated[float, Field(ge=0)] = 1000.0
    """Likewise for heartbeats."""
    measurements_per_s: Annotated[float, Field(ge=0)] = 1000.0
    """Likewise for batches of intermediate values."""
    reads_per_s: Annotated[float, Field(ge=0)] = 100.0
    """Likewise for reading."""
    writes_per_s: Annotated[float, Field(ge=0)] = 50.0
    """Likewise for everything else: studies, imports, projects, keys."""
    log_format: LogFormat = "auto"
    """Log lines as `json` or `text`; `auto`: text on a terminal, JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    """The least severity that is logged; `info` has a line for every request."""
    drain_s: Annotated[float, Field(ge=0, le=600)] = 1.0
    """After SIGTERM, for how long /readyz says 503 and work is handed out no more while everything else is
    still answered, seconds: as long as a load balancer needs to notice."""
    stop_s: Annotated[int, Field(ge=1, le=600)] = 30
    """After that, how long requests under way may take to finish, seconds."""
    engine_timeout_s: Annotated[float, Field(gt=0, le=55)] = 30.0
    """How long a suggestion may take to compute before a random point stands in, seconds.
    Below the 60 s after which a reserved number passes to another request."""
    engine_threads: Annotated[int, Field(ge=1)] = 1
    """Numerical threads of the engine host."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models are computed: `auto` takes a CUDA device, where there is one, for large studies; `cuda`
    takes it for all, and the server does not start without one."""

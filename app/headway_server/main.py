"""The application: wiring, and nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from headway_server.api import (
    archives,
    audit,
    campaign_audit,
    events,
    health,
    measurements,
    observations,
    plots,
    problems,
    projects,
    published,
    spaces,
    studies,
    trials,
    workers,
)
from headway_server.api.access import least_roles
from headway_server.api.archives import IMPORT_PATH
from headway_server.api.context import Access, AppContext, Pulse
from headway_server.api.envelope import Envelope
from headway_server.api.identity import Authentication
from headway_server.api.limits import BodyLimits
from headway_server.api.metrics import Metrics
from headway_server.api.openapi import Application
from headway_server.api.rates import RateLimits, rates_of
from headway_server.domain.access import DEFAULT_PROJECT_ID
from headway_server.domain.errors import DatabaseUnavailable
from headway_server.services.audit_progress import move_on
from headway_server.services.delete_study import purge
from headway_server.services.device import require_device
from headway_server.services.engine_link import EngineLink
from headway_server.services.idempotency import forget_expired
from headway_server.services.keyring import Keyring
from headway_server.services.leases import sweep
from headway_server.settings import Settings, sqlite_url
from headway_server.storage.database import Database, Watch
from headway_server.storage.schema import require_known_schema
from headway_server.tracing import Tracing
from headway_server.web import pages

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None, *, access: Access = "keys") -> FastAPI:
    """The server as an ASGI application. It opens the database and starts the engine in its lifespan.

    Args:
        settings: those of the environment by default.
        access: who gets in without a key: nobody, unless the caller knows where the server listens.

    Raises (in the lifespan):
        SchemaMismatch: the database has another schema; the message says what to run.
        DatabaseUnavailable: PostgreSQL stays away.
        DeviceUnavailable: the engine is to compute on a CUDA device, and there is no usable one.
    """
    settings = settings or Settings()
    metrics, tracing = Metrics(), Tracing.from_environment()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = Database(settings.database_url)
        database.watch = _both(metrics.transaction, tracing.transaction)
        at_start = partial(database.patiently, patience_s=settings.database_wait_s)
        await run_in_threadpool(at_start, partial(require_known_schema, database))
        await run_in_threadpool(require_device, settings.device)
        engine = EngineLink(
            database.url,
            timeout_s=settings.engine_timeout_s,
            threads=settings.engine_threads,
            device=settings.device,
        )
        context = AppContext(
            settings,
            database,
            engine=engine.within(DEFAULT_PROJECT_ID),
            host=engine,
            keyring=Keyring(database),
            access=access,
            metrics=metrics,
            pulse=Pulse(),
            draining=asyncio.Event(),
        )
        app.state.context = context
        metrics.watch(database, engine)
        await run_in_threadpool(engine.start)
        if access == "until-keys" and not await run_in_threadpool(at_start, context.keyring.any_key):
            log.warning(
                "OPEN: no key has been made, so whoever reaches this address may do anything. "
                "`headway keys create --role admin` makes the first one; from then on a key is asked for."
            )
        sweeping = asyncio.create_task(_sweep_for_ever(context))
        try:
            yield
        finally:
            context.draining.set()
            context.pulse.beat()
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            await run_in_threadpool(engine.close)
            database.dispose()
            await run_in_threadpool(tracing.close)

    app = Application(
        title="headway",
        version=version("headway"),
        summary="Asynchronous Bayesian optimisation: suggest, finish, and nothing is lost.",
        lifespan=lifespan,
        docs_url=None,  # a page of our own: FastAPI's runs scripts from elsewhere
        redoc_url=None,
        telemetry=tracing.telemetry,
    )
    problems.install(app)
    app.add_middleware(
        BodyLimits, max_bytes=settings.max_body_bytes, larger={IMPORT_PATH: settings.max_import_bytes}
    )
    app.add_middleware(RateLimits, rates=rates_of(settings))
    app.add_middleware(Authentication)  # added last, asked first: nobody's body is read before
    app.add_middleware(Envelope, metrics=metrics)
    # Those asked most come first: routes are searched one by one.
    asked_most = (trials, measurements, studies, spaces, observations, archives, events, plots)
    for room in (*asked_most, campaign_audit, workers, health, projects, audit, published):
        app.include_router(room.router)
    if settings.metrics:
        app.include_router(health.metrics_router)
    pages.install(app)
    least_roles(app)  # a route that states none ends this here
    return app


def create_local_app(database_path: str | None = None) -> FastAPI:
    """The same application on an embedded SQLite file, for `Client.local()`."""
    path = Path(database_path or ".headway/headway.db")
    return create_app(Settings(database_url=sqlite_url(path)), access="open")


def _both(
    metrics: Callable[[str, float, Sequence[str]], None], tracing: Callable[[str, float], None]
) -> Watch:
    def told(kind: str, seconds: float, events: Sequence[str]) -> None:
        metrics(kind, seconds, events)
        tracing(kind, seconds)

    return told


async def _sweep_for_ever(context: AppContext) -> None:
    while True:
        await asyncio.sleep(context.settings.sweep_every_s)
        try:
            taken = await run_in_threadpool(sweep, context.database)
            taken += await run_in_threadpool(move_on, context.database)
            if taken:
                context.pulse.beat()
            await run_in_threadpool(purge, context.database)
            await run_in_threadpool(forget_expired, context.database)
        except DatabaseUnavailable as error:
            log.warning("sweep: %s", error.detail)
        except Exception:  # the top of this task: a bug in one round must not end all later ones
            log.exception("sweep")

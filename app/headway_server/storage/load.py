"""How much there is to do, in all projects: what a monitoring system asks every few seconds."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from headway_server.storage.tables import attempts, gp_states, studies, trials

_there = studies.c.deleted_at.is_(None)
LEASES = (
    select(func.count())
    .select_from(attempts.join(trials).join(studies))
    .where(attempts.c.ended_at.is_(None), _there)
)
WAITING = (
    select(trials.c.state, func.count())
    .join(studies)
    .where(trials.c.state.in_(("queued", "reserved")), _there)
    .group_by(trials.c.state)
)
FITS = select(func.count(), func.coalesce(func.sum(gp_states.c.fit_s), 0.0))


@dataclass(frozen=True)
class Load:
    """What is there at one moment."""

    leases: int
    """Trials that somebody works on."""
    queued: int
    """Trials that wait to be handed out again."""
    reserved: int
    """Trials whose point is being computed."""
    fits: int
    """Fits that were ever stored, by whichever replica."""
    fit_s: float
    """What these took together, seconds."""


def load(session: Session) -> Load:
    """The load at this moment."""
    waiting: dict[str, int] = dict(session.execute(WAITING).all())
    fits, fit_s = session.execute(FITS).one()
    return Load(
        leases=session.scalars(LEASES).one(),
        queued=waiting.get("queued", 0),
        reserved=waiting.get("reserved", 0),
        fits=fits,
        fit_s=float(fit_s),
    )

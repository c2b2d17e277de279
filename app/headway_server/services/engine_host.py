"""The engine host: a process that keeps posteriors warm and answers the API over a pipe.

Its memory is a cache over rows. Before every answer it takes up the observations that it has not seen
(by sequence number) and the newest fitted hyperparameters; killed, it is started again and rebuilds
both. Hyperparameters are fitted beside the answers, in a thread or, for a large study, in a process, and
reach the posterior as rows like everything else, so that every replica adopts the same ones. A large
posterior under new ones is built in that process too, while the old one answers.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from functools import partial

from headway.wire.base import Params
from headway.wire.explanation import Nearest
from headway.wire.model import ModelSummary
from headway.wire.trial import Receipt
from headway_server.domain.access import DEFAULT_PROJECT_ID, SERVER
from headway_server.domain.errors import DatabaseUnavailable
from headway_server.domain.held import NOTHING_HELD, Held
from headway_server.engine import Fitted, Optimizer, Prepared
from headway_server.logs import configure
from headway_server.services.background_import import BackgroundImport
from headway_server.services.engine_port import (
    Answer,
    Answered,
    Asked,
    AskExplanation,
    AskPoints,
    AskPredictions,
    AskSummary,
    Explained,
    Point,
    Predictions,
    ToExplain,
)
from headway_server.services.fit_process import TaskFailed
from headway_server.services.fits import Fits
from headway_server.services.questions import arriving, grouped
from headway_server.services.round import Round
from headway_server.services.warm import (
    News,
    Preparing,
    Warm,
    abandon,
    new_optimizer,
    read_all,
    read_news,
    tell,
)
from headway_server.settings import Settings
from headway_server.storage.database import Database
from headway_server.storage.tables import ModelState
from headway_server.storage.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

WARM_STUDIES = 64
"""How many posteriors are kept; the one unused for longest goes first."""
AS_MADE_UNTIL = 1_000
"""Results up to which a model of the past is built again to explain a trial: a few tenths of a second."""


class EngineHost:
    """Answers the questions of `engine_port.Engine` in this process, for the studies of any project. Not
    thread-safe: one at a time.
    """

    def __init__(self, database: Database, device: str = "auto") -> None:
        self._database = database
        self._device = device
        self._warm: dict[tuple[int, str], Warm] = {}
        self._fits = Fits(database)
        self._botorch = BackgroundImport("headway_server.engine.boundary")

    def points(
        self,
        study: str,
        numbers: list[int],
        held: Held = NOTHING_HELD,
        project: int = DEFAULT_PROJECT_ID,
    ) -> list[Point]:
        """A point for each of these reserved trial numbers, in order, with the values held."""
        return self.round(study, project).points(numbers, held)

    def round(self, study: str, project: int = DEFAULT_PROJECT_ID) -> Round:
        """What answers those who ask for points of this study now."""
        warm, news = self._current(project, study)
        return Round(warm, news, self._botorch.ready)

    def predict(
        self, study: str, points: list[Params], project: int = DEFAULT_PROJECT_ID
    ) -> Predictions | None:
        """The posterior at points that were checked, or read as data; None until there are observations
        enough for a model.
        """
        warm, _ = self._current(project, study)
        intervals = warm.optimizer.predict(points, checked=True)
        metrics = warm.optimizer.predict_metrics(points, checked=True)
        if not intervals:
            return None
        return Predictions(
            intervals=tuple(intervals),
            metrics={key: tuple(one) for key, one in metrics.items()},
            model_version=warm.optimizer.model_version,
            n_observed=warm.optimizer.n_observed,
        )

    def explain(self, study: str, asked: ToExplain, project: int = DEFAULT_PROJECT_ID) -> Explained | None:
        """Why a checked point; None until there are observations enough for a model.

        A trial that a model made is explained by that model, as long as it is small enough to be built again
        while others wait.
        """
        warm, _ = self._current(project, study)
        made = asked.receipt
        then: tuple[Optimizer, list[int]] | None = None
        if made is not None and made.model_version > 0 and made.n_observed <= AS_MADE_UNTIL:
            then = self._as_it_was(project, study, made)
        optimizer, numbers = then or (warm.optimizer, warm.numbers)
        explained = optimizer.explain(
            asked.point,
            beta=None if made is None else made.beta,
            number=asked.number,
            near=asked.nearest,
            alternatives=asked.alternatives,
        )
        if explained is None:
            return None
        (predicted,) = optimizer.predict([asked.point], checked=True)
        metrics = optimizer.predict_metrics([asked.point], checked=True)
        return Explained(
            model_version=optimizer.model_version,
            n_observed=optimizer.n_observed,
            as_made=then is not None,
            predicted=predicted,
            metrics={key: one[0] for key, one in metrics.items()},
            score=explained.score,
            nearest=tuple(
                Nearest(
                    trial=numbers[near.observation],
                    params=near.params,
                    value=near.value,
                    similarity=near.similarity,
                    weight=near.weight,
                )
                for near in explained.nearest
            ),
            alternatives=tuple(explained.alternatives),
        )

    def _as_it_was(self, project: int, name: str, made: Receipt) -> tuple[Optimizer, list[int]] | None:
        """The model that made a receipt, built from rows: the results that it had, under the fit that it had,
        and the numbers of their trials; None where that fit is not kept, or the data have been changed since.
        """

        def work(uow: UnitOfWork) -> tuple[News, ModelState | None]:
            return read_all(uow, name), uow.models.version(uow.studies.get(name), made.model_version)

        news, model = self._database.acting(SERVER.within(project)).read(work)
        if model is None or model.data_revision != news.study.data_revision:
            return None
        readings = news.readings
        optimizer = new_optimizer(news.study, readings.space, 0, "cpu")
        numbers: list[int] = []
        for datum in news.data:
            if optimizer.n_observed == made.n_observed:
                break
            numbers += tell(optimizer, readings, datum)
        optimizer.adopt(Fitted.model_validate_json(model.fitted), model.version)
        return optimizer, numbers

    def summary(self, study: str, project: int = DEFAULT_PROJECT_ID) -> ModelSummary:
        """What the model has learnt."""
        warm, _ = self._current(project, study)
        summary = warm.optimizer.summary()
        if warm.model is None:
            return summary
        return summary.model_copy(update={"fitted_at": warm.model.fitted_at, "fit_s": warm.model.fit_s})

    def start_fits(self) -> None:
        """Start the fit that the study asked last is due. Called once its answer is out of the way."""
        if self._warm:
            key = next(reversed(self._warm))
            self._fit_beside(key[1], self._warm[key])

    def wait_for_fits(self) -> None:
        """Let the fits and preparations that are under way come to their end."""
        for warm in self._warm.values():
            if warm.fit is not None:
                warm.fit.result()
            if warm.preparing is not None:
                wait([warm.preparing.prepared])

    def close(self) -> None:
        """Finish the small fit under way, give the large one up, and stop."""
        self._fits.close()

    def _current(self, project: int, name: str) -> tuple[Warm, News]:
        """The study's posterior, up to date with its rows."""
        key = (project, name)
        warm = self._warm.pop(key, None)
        database = self._database.acting(SERVER.within(project))
        news = None if warm is None else database.read(partial(read_news, name=name, warm=warm))
        if warm is None or news is None:
            if warm is not None:
                abandon(warm)
            news = database.read(partial(read_all, name=name))
            warm = self._new(news)
        for datum in news.data:
            warm.numbers += tell(warm.optimizer, warm.readings, datum)
            warm.seen_seq = datum.seq
        self._take_up(name, warm, news.model)
        self._warm[key] = warm
        if len(self._warm) > WARM_STUDIES:
            abandon(self._warm.pop(next(iter(self._warm))))
        return warm, news

    def _new(self, news: News) -> Warm:
        """A posterior that has seen nothing, for the study that these rows are of."""
        known = 0 if news.model is None else news.model.version
        optimizer = new_optimizer(news.study, news.readings.space, known, self._device)
        if optimizer.asks_botorch:
            self._botorch.start()
        return Warm(news.study, optimizer, news.readings)

    def _take_up(self, name: str, warm: Warm, newest: ModelState | None) -> None:
        """Adopt what has been prepared, and the newest stored fit: at once, or by preparing it where the
        question would wait long for its posterior and there is another to answer it.
        """
        if warm.preparing is not None and warm.preparing.prepared.done():
            ready, warm.preparing = warm.preparing, None
            prepared = _prepared(ready, name)
            behind = 0 if prepared is None else warm.optimizer.behind(prepared)
            if ready.is_worth_another_round(behind):
                going_on = self._fits.prepare(warm.optimizer, ready.fitted, prepared)
                warm.preparing = replace(ready, prepared=going_on, behind=behind)
                return
            warm.optimizer.adopt(ready.fitted, ready.model.version, prepared)
            warm.model = ready.model
        known = 0 if warm.model is None else warm.model.version
        if newest is None or newest.version <= known or warm.preparing is not None:
            return
        if newest.data_revision != warm.data_revision:  # made from what has been corrected since
            return
        fitted = Fitted.model_validate_json(newest.fitted)
        in_use = warm.optimizer.fitted
        if in_use is not None and in_use != fitted and self._fits.are_large(warm.optimizer):
            warm.preparing = Preparing(newest, fitted, self._fits.prepare(warm.optimizer, fitted))
        else:
            warm.optimizer.adopt(fitted, newest.version)
            warm.model = newest

    def _fit_beside(self, name: str, warm: Warm) -> None:
        """Start a fit where one is due, none is running and none waits to be adopted."""
        if warm.preparing is not None or (warm.fit is not None and not warm.fit.done()):
            return
        fit, warm.fit = warm.fit, None
        own = warm.optimizer.fitted
        if fit is not None:
            fitted = _learn_from(fit, name, warm)
            if fitted is not None and own is not None and fitted.n_observed > own.n_observed:
                return  # the next question finds it among the rows
        if warm.model is None and own is not None:  # the first fit, which the first question waited for
            warm.fit = self._fits.store(warm.study_id, warm.data_revision, own)
        elif warm.optimizer.fit_due():
            warm.fit = self._fits.start(warm.study_id, warm.data_revision, warm.optimizer)


def _prepared(ready: Preparing, name: str) -> Prepared | None:
    """What was built; None, so that the question builds it, where the process died over it."""
    try:
        return ready.prepared.result()
    except TaskFailed as failed:
        log.warning("study %s: fit %d was not prepared: %s", name, ready.model.version, failed)
        return None


def _learn_from(fit: Future[Fitted], name: str, warm: Warm) -> Fitted | None:
    """Take note of a fit that found nothing, or that could not be stored; the others arrive as rows, and are
    returned.
    """
    try:
        fitted = fit.result()
    except DatabaseUnavailable as away:
        log.warning("study %s: a fit could not be stored: %s", name, away.detail)
        return None
    if fitted.status == "failed":
        log.warning("study %s: no fit at %d results: %s", name, fitted.n_observed, fitted.reason)
        warm.optimizer.adopt(fitted, warm.optimizer.model_version)
        return None
    return fitted


def answer(host: EngineHost, question: AskPredictions | AskSummary | AskExplanation) -> Answer:
    """The host's answer to a question that is answered by itself."""
    match question:
        case AskPredictions(project=project, study=study, points=points):
            return host.predict(study, points, project)
        case AskSummary(project=project, study=study):
            return host.summary(study, project)
        case AskExplanation(project=project, study=study, asked=asked):
            return host.explain(study, asked, project)


def answers(host: EngineHost, group: Sequence[Asked]) -> Iterator[Answered]:
    """Answers to questions that are answered together, each as soon as it is there."""
    together: Round | None = None
    for asked in group:
        question = asked.question
        try:
            if isinstance(question, AskPoints):
                together = together or host.round(question.study, question.project)
                found: Answer = together.points(question.numbers, question.held)
            else:
                found = answer(host, question)
        except Exception as error:  # a bug in one study must not take the others' host down
            log.exception("question %d failed", asked.id)
            yield Answered(id=asked.id, failure=f"{type(error).__name__}: {error}")
        else:
            yield Answered(id=asked.id, answer=found)


def serve(host: EngineHost, pipe: socket.socket) -> None:
    """Answer until the other end closes."""
    with pipe:

        def send(message: Answered) -> None:
            pipe.sendall(message.model_dump_json().encode() + b"\n")

        send(Answered(id=0))
        for waiting in arriving(pipe):
            for group in grouped(waiting):
                failed = False
                for answered in answers(host, group):
                    send(answered)
                    failed = failed or answered.failure is not None
                if not failed:
                    host.start_fits()


def main() -> None:
    """Entry of the child process: `python -m headway_server.services.engine_host --pipe …`."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--database", default=os.environ.get("HEADWAY_DATABASE_URL"))
    arguments.add_argument("--device", default="auto")
    arguments.add_argument("--pipe", type=int, required=True)
    chosen = arguments.parse_args()
    settings = Settings()  # the environment is the server's
    configure(settings.log_format, settings.log_level, prefix="engine host: ")
    host = EngineHost(Database(chosen.database), chosen.device)
    try:
        serve(host, socket.socket(fileno=chosen.pipe))
    except (BrokenPipeError, ConnectionResetError):
        log.info("the server has gone")
    finally:
        host.close()


if __name__ == "__main__":
    main()

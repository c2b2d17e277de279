"""What the engine host computes beside its answers: fits, and the posteriors under new ones."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from headway_server.engine import Fitted, Optimizer, Prepared
from headway_server.services.fit_process import FitProcess, Task, TaskFailed
from headway_server.storage.database import Database
from headway_server.storage.tables import ModelState
from headway_server.storage.unit_of_work import UnitOfWork

LARGE = 300
"""From so many results on, the work is done in a process of its own: a fit to 300 takes a tenth of a second
(`make bench-latency`), during which a question would wait."""


class Fits:
    """Runs small fits in a thread and large work in a process, and stores what was fitted as rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._small = ThreadPoolExecutor(max_workers=1, thread_name_prefix="fit")
        self._large = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-fit")
        self._process = FitProcess()

    @property
    def process_id(self) -> int | None:
        """The process for large work, where one has been started."""
        return self._process.process_id

    def are_large(self, optimizer: Optimizer) -> bool:
        """Whether its work belongs in the process."""
        return optimizer.n_observed >= LARGE

    def start(self, study_id: int, revision: int, optimizer: Optimizer) -> Future[Fitted]:
        """Fit the hyperparameters anew to the results of this moment, of this revision of the study's data,
        and store them.
        """
        task, n = optimizer.fit_task(), optimizer.n_observed
        if not self.are_large(optimizer):
            return self._small.submit(lambda: self._store(study_id, revision, task.run()))
        return self._large.submit(lambda: self._store(study_id, revision, self._run_apart(task, n)))

    def store(self, study_id: int, revision: int, fitted: Fitted) -> Future[Fitted]:
        """Store a fit that was made elsewhere, to this revision of the study's data."""
        return self._small.submit(self._store, study_id, revision, fitted)

    def prepare(
        self, optimizer: Optimizer, fitted: Fitted, begun: Prepared | None = None
    ) -> Future[Prepared]:
        """Build the posteriors under a stored fit, or bring those begun up to date. The future holds
        TaskFailed where the process died.
        """
        return self._large.submit(self._process.run, optimizer.preparation(fitted, begun))

    def close(self) -> None:
        """Finish the small fit under way, give the large one up, and stop."""
        self._process.close()
        for executor in (self._large, self._small):
            executor.shutdown(wait=True, cancel_futures=True)

    def _run_apart(self, task: Task[Fitted], n_observed: int) -> Fitted:
        """Run a fit in the process. Its death is an answer, as numerical trouble is."""
        try:
            return self._process.run(task)
        except TaskFailed as failed:
            return Fitted(status="failed", reason=str(failed), n_observed=n_observed)

    def _store(self, study_id: int, revision: int, fitted: Fitted) -> Fitted:
        """Make a fit the newest version, unless another replica has one from more observations, or the data
        have been changed meanwhile.
        """

        def store(uow: UnitOfWork) -> None:
            study = uow.studies.lock_by_id(study_id)
            if study is None or study.data_revision != revision:
                return
            latest = uow.models.latest(study)
            if (
                latest is not None
                and latest.data_revision == revision
                and latest.n_observed >= fitted.n_observed
            ):
                return
            version = 1 if latest is None else latest.version + 1
            uow.models.add(
                ModelState(
                    study_id=study_id,
                    version=version,
                    fitted=fitted.model_dump_json(),
                    n_observed=fitted.n_observed,
                    fit_s=fitted.fit_s,
                    fitted_at=uow.now,
                    data_revision=revision,
                )
            )
            uow.events.record(study, "model.fitted", uow.now, version=version, n_observed=fitted.n_observed)

        if fitted.status == "ok":
            self._database.write(store)
        return fitted

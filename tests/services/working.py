"""A worker's part, played on the use cases."""

from headway.wire.trial import FinishRequest, SuggestRequest
from headway_server.services.finish import finish
from headway_server.services.suggest import suggest


def run(database, host, trials, name="s", *, wait=True):
    """Work on a study: minimise (x - 0.3)²."""
    handed = []
    for _ in range(trials):
        (trial,) = suggest(database, host, name, SuggestRequest()).response.trials
        host.start_fits()
        value = (trial.params["x"] - 0.3) ** 2
        finish(
            database,
            name,
            trial.number,
            FinishRequest(lease_token=trial.lease.token, metrics={"value": value}),
        )
        handed.append(trial)
    if wait:
        host.wait_for_fits()
    return handed

"""What an audit says of the claim that a campaign found something better than random search does."""

from __future__ import annotations

from collections.abc import Sequence

from headway.wire.campaign_audit import NullComparison, Replicates, Verdict


def verdict(
    incumbent: Replicates,
    null: NullComparison | None,
    *,
    alpha: float,
    better_than_control: bool | None,
    cut_short: Sequence[str],
) -> Verdict:
    """The verdict of a complete audit.

    Only p against the random searches can support the claim, so that it is supported wrongly with a
    probability of at most alpha. The control says something else: whether it matters which of the campaign's
    own trials one takes.

    Args:
        incumbent: its replicates.
        null: their mean among those of the random searches; None where there is none to compare.
        alpha: level of the tests.
        better_than_control: whether the incumbent is, at that level; None where that can't be told.
        cut_short: studies of the audit that were ended or deleted before their trials were handed out.
    """
    untested = _without_test(incumbent, cut_short)
    if untested is not None or null is None:
        return untested or _uncertain("There is no random search to compare with.")
    return _by_test(null, alpha=alpha, better_than_control=better_than_control)


def _by_test(null: NullComparison, *, alpha: float, better_than_control: bool | None) -> Verdict:
    against = (
        f"{null.at_least_as_good} of {null.campaigns} random searches of equal budget found something at "
        f"least as good (p = {null.p:.3g} ± {null.monte_carlo_se:.2g})"
    )
    if null.significant:
        choice = (
            "and its incumbent is better than a trial of it picked by chance"
            if better_than_control
            else "though a trial of it picked by chance is not shown to be worse than its incumbent"
        )
        return Verdict(improvement="supported", reason=f"{against}, {choice}.")
    if null.significant is None and null.at_least_as_good == 0:
        return _uncertain(
            f"{against}, but with {null.campaigns} of them no p is below {null.attainable_p:.3g}, and alpha "
            f"is {alpha:g}: it takes more random searches to call anything significant."
        )
    if not better_than_control:
        return _no(f"{against}, and the incumbent is not shown to be better than a trial picked by chance.")
    beats = "; the incumbent is better than a trial picked by chance"
    if null.p <= 0.5:
        return _uncertain(f"{against}, which is more than alpha = {alpha:g}{beats}.")
    return _no(f"{against}{beats}, which random search is too.")


def _without_test(incumbent: Replicates, cut_short: Sequence[str]) -> Verdict | None:
    """The verdict where there is nothing to test."""
    if cut_short:
        more = f" and {len(cut_short) - 1} more" if len(cut_short) > 1 else ""
        return _uncertain(
            f"{cut_short[0]}{more} ended before all trials were handed out: an audit that is cut short says "
            "nothing."
        )
    again = f"Of {incumbent.planned} fresh evaluations of the incumbent {incumbent.n} brought a value"
    if incumbent.n < 2:
        return _no(f"{again}.")
    if 2 * incumbent.kept < incumbent.n:
        return _no(f"{again}, and {incumbent.kept} keep the outcome constraints.")
    return None


def _uncertain(reason: str) -> Verdict:
    return Verdict(improvement="uncertain", reason=reason)


def _no(reason: str) -> Verdict:
    return Verdict(improvement="not supported", reason=reason)

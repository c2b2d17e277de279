"""What rewarded-soups is held to, row by row of its experiment: metrics, identities, two tasks.

The text task runs at a budget that a verification bears: one pair of rewards, one seed, the whole network for
40 steps of 24 texts, 600 texts a policy. `python -m headway_workers.rewarded_soups.text.comparison` is the
same at any budget.
"""

from __future__ import annotations

from collections.abc import Iterator

from headway_workers.contract import Check, Claim
from headway_workers.rewarded_soups import metric_checks
from headway_workers.rewarded_soups.digits.checks import digits
from headway_workers.rewarded_soups.digits.classifier import pretrained as pretrained_digits
from headway_workers.rewarded_soups.text.checks import networks
from headway_workers.rewarded_soups.text.comparison import Comparison, Plan, findings
from headway_workers.rewarded_soups.text.reinforce import Recipe

PLAN = Plan("haha-sentiment", Recipe(batch=24), steps=40, texts=600)
"""All of the network is fine-tuned: a soup of heads alone is nearly linear by construction."""


def checks() -> Iterator[Check | Claim]:
    """Everything, quickest first; about four minutes on one core, and one where the fine-tunes are kept."""
    yield from metric_checks.same_weights(pretrained_digits(0), pretrained_digits(1))
    yield from metric_checks.published()
    yield from metric_checks.quadratic()
    yield from networks()
    yield from digits()
    yield from findings(Comparison.of(PLAN))

"""How commands reach the server, and how their options are spelt everywhere alike."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from headway.client import Client

AT_A_PROMPT_S = 3.0
"""A person at a prompt is told soon that the server is away; a worker is patient."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Session:
    """The options that stand before the command."""

    url: str | None = None
    api_key: str | None = None
    project: str | None = None

    def client(self, *, patient: bool = False) -> Client:
        """A client; impatient unless it is a worker's or HEADWAY_PATIENCE_S says otherwise.

        Raises:
            ClickException: the URL is none.
        """
        own_patience = patient or os.environ.get("HEADWAY_PATIENCE_S")
        try:
            return Client(
                self.url,
                self.api_key,
                project=self.project,
                patience_s=None if own_patience else AT_A_PROMPT_S,
            )
        except ValueError as error:
            raise click.ClickException(str(error)) from error


pass_session = click.make_pass_decorator(Session, ensure=True)


def format_option(*formats: str) -> Callable[[F], F]:
    """`--format`, of which the first is the default."""
    return click.option(
        "--format", "layout", type=click.Choice(formats), default=formats[0], show_default=True
    )

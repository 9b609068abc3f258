"""Which engine paints the shots of a command: this process, several processes, or a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vidstyle.cli.events import say
from vidstyle.core.choices import PACE
from vidstyle.core.errors import UsageError

if TYPE_CHECKING:
    from vidstyle.batch.conduct import Engine, ShotListener

Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", rich_help_panel=PACE, metavar="N", min=1, max=1024, show_default=False,
        help="Shots painted at a time, each by a process of its own; long ones are divided at cuts (default: 1; of a cluster, "
             "one for each machine or GPU).",
    ),
]  # fmt: skip
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster", rich_help_panel=PACE, metavar="auto|HOST:PORT", show_default=False,
        help="Paint on the machines of a Ray cluster, which see the clips and outputs under the same paths.",
    ),
]  # fmt: skip


def refuse_jobs(jobs: int | None, cluster: str | None, *, dry_run: bool) -> None:
    """Raise UsageError where --jobs or --cluster is given and nothing is painted."""
    if dry_run and (jobs is not None or cluster is not None):
        raise UsageError("--jobs and --cluster have no effect with --dry-run, which paints nothing; leave them out.")


def choose_engine(jobs: int | None, cluster: str | None, listen: ShotListener) -> Engine:
    """The engine for --jobs and --cluster, with a listener for the steps of the shots."""
    if cluster is not None:
        from vidstyle.batch.engines.cluster import cluster as on_cluster

        return on_cluster(cluster, jobs, listen, say)
    if jobs is not None and jobs > 1:
        from vidstyle.batch.engines.processes import processes

        return processes(jobs, listen, say)
    from vidstyle.batch.conduct import in_turn

    return in_turn(listen)

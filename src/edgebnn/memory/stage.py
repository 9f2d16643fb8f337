"""The stage `memory`: what a run would need, as a record."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edgebnn.errors import ConfigError
from edgebnn.memory.accounting import AS_PRINTED_FOR_CNV, MIB, memory_table, total_mib
from edgebnn.memory.arena import plan_arena
from edgebnn.record import Metric, Record, provenance

if TYPE_CHECKING:
    from edgebnn.study.run import Run


def memory_record(run: Run) -> Record:
    """The record of a memory run: the paper's accounting and, where the trainer trains such a run,
    `arena_planned_mib`, its own plan on one thread.

    Args:
        run: of the stage `memory`.

    Raises:
        JobError: the trainer cannot be built, or fails.
    """
    record = accounting_record(run)
    try:
        arena = plan_arena(
            run.network, run.batch_size, run.optimizer.kind, run.switches, freeze=run.freeze
        )
    except ConfigError as error:
        print(f"no plan of the trainer's: {error}", file=sys.stderr)
        return record
    planned = Metric(value=arena.arena_bytes / MIB, source="modelled")
    return record.model_copy(update={"metrics": {**record.metrics, "arena_planned_mib": planned}})


def accounting_record(run: Run) -> Record:
    """`memory_mib` and its table of variables, modelled in the paper's accounting.

    For CNV, whose printed figures follow another rule, `memory_by_papers_rule_mib` too.

    Args:
        run: of the stage `memory`.
    """
    case = (run.network, run.batch_size, run.optimizer.kind, run.switches)
    table = memory_table(*case, freeze=run.freeze)
    metrics = {"memory_mib": Metric(value=total_mib(table), source="modelled")}
    if run.model == "cnv":
        printed = total_mib(memory_table(*case, accounting=AS_PRINTED_FOR_CNV, freeze=run.freeze))
        metrics["memory_by_papers_rule_mib"] = Metric(value=printed, source="modelled")
    return Record(
        stage="memory",
        run_id=run.id,
        parameters=run.parameters(),
        metrics=metrics,
        tables={
            "variables": [
                {
                    "variable": row.name,
                    "type": row.type,
                    "mib": row.mib,
                    "life": "one layer" if row.transient else "whole step",
                }
                for row in table
            ]
        },
        provenance=provenance(datetime.now(UTC).isoformat(timespec="seconds")),
    )

"""
Measure what it costs to verify, ask and report on a long audit log, and print the table of `docs/benchmarks.md`.

    python3 -I bootstrap.py --dev benchmarks/audit_log.py [--runs N] [--records N]

The log is made of runs as they are recorded, one in three of them denied, two minutes apart and back from now.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cost import Command, measure, table
from scenes import Checkout

from ci_guard.audit.canonical import canonical
from ci_guard.audit.log import Head
from ci_guard.audit.note import Checkpoint
from ci_guard.audit.record import record_of
from ci_guard.records import replace
from tests.audit import logs


def make(path: Path, count: int) -> None:
    """Write a log with its checkpoint as `append` would, without waiting for the disk each time."""
    head, now = Head(), datetime.now(timezone.utc)
    with path.open("wb") as file:
        for number in range(count):
            made = logs.result(number, environment="production" if number % 50 == 0 else None)
            made = replace(made, time=now - timedelta(minutes=2 * (count - number)))
            line = canonical({"chain": {"index": head.size, "previous": head.last}, "record": record_of(made)})
            file.write(line + b"\n")
            head.add(line)
    checkpoint = Checkpoint(origin=logs.ORIGIN, size=head.size, root=head.tree.root())
    path.with_name(f"{path.name}.checkpoint").write_text(checkpoint.text(), encoding="utf-8")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--records", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ci-guard-audit-") as folder:
        checkout, log = Checkout.make(Path(folder, "checkout")), Path(folder, "audit.jsonl")
        make(log, asked.records)
        questions = {
            "`audit verify`, with its checkpoint": ("verify", str(log)),
            "`audit query --since yesterday`": ("query", str(log), "--since", "yesterday"),
            "`audit query --environment production --verdict deny`": (
                *("query", str(log), "--environment", "production"),
                *("--verdict", "deny", "--format", "csv"),
            ),
            "`audit query --format csv`, every record": ("query", str(log), "--format", "csv"),
            "`audit query`, every record as a table": ("query", str(log)),
            "`audit report --format html`": ("report", str(log), "--format", "html"),
        }
        commands = {name: Command(argv=checkout.bare("audit", *words)) for name, words in questions.items()}
        samples = measure(commands, runs=asked.runs)
        size = log.stat().st_size
    table(f"A log of {asked.records:,} records, {size / 1e6:.0f} MB", samples)


if __name__ == "__main__":
    main()

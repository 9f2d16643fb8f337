# Purpose: what a study's user reads beside the progress bars of the logger `rich` (profiles/default).
# Input:   Snakemake's events; why a stage failed (<output>.failed), and its log
# Output:  off a terminal, where there are no bars, a line for each finished job; what failed, at the very end
import logging
import sys
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent


class Watch(logging.Handler):
    """Follows the jobs. Snakemake closes its handlers last: so what failed ends the screen."""

    def __init__(self, lines):
        super().__init__()
        self.lines = lines
        self.jobs = {}  # job number -> the event that announced it
        self.failed = {}  # the same, of jobs that failed and have not succeeded since
        self.total = self.finished = 0

    def emit(self, record):
        event = getattr(record, "event", None)
        if event == LogEvent.RUN_INFO:
            self.total = record.stats["total"]
        elif event == LogEvent.JOB_INFO:
            self.jobs[record.jobid] = record
        elif event == LogEvent.JOB_ERROR:
            self.failed[record.jobid] = self.jobs.get(record.jobid, record)
        elif event == LogEvent.JOB_FINISHED:
            self.failed.pop(record.job_id, None)
            self.finished += 1
            if self.lines and record.job_id in self.jobs:
                name = self.name_of(self.jobs[record.job_id])
                print(f"[{self.finished}/{self.total}] {name}", file=sys.stderr)

    def close(self):
        failed, self.failed = self.failed, {}
        for job in failed.values():
            print(f"\nFailed: {self.name_of(job)}", file=sys.stderr)
            print(f"  why: {self.reason(job)}", file=sys.stderr)
            print(f"  log: {', '.join(job.log) or 'none'}", file=sys.stderr)
        if failed:
            print(
                "\nFinished jobs are kept; the same command goes on from there.",
                file=sys.stderr,
            )
        super().close()

    def name_of(self, job):
        """What ran, on what: `emulate_training digits-mlp-proposed-b100-s0-9ac1b94a6e`."""
        return " ".join(
            [job.rule_name, *map(str, getattr(job, "wildcards", {}).values())]
        )

    def reason(self, job):
        """The stage's own words; else the last line of its log."""
        for file in [*(f"{output}.failed" for output in job.output), *job.log]:
            if Path(file).is_file():
                if words := Path(file).read_text(errors="replace").strip():
                    return words if file not in job.log else words.splitlines()[-1]
        return "it ended without a word, and its shell too: out of memory, or a time limit?"


logger.addHandler(
    Watch(
        lines=workflow.output_settings.log_handler_settings and not sys.stderr.isatty()
    )
)

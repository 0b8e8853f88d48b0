"""Extraction by Apache Beam, on one machine or a cluster whose machines share the media and the records.

A worker does the same jobs as a process of this machine does, and its files appear whole; a job that Beam repeats finds
them and keeps them. Afterwards the extraction looks over all recordings here, extracts what is still missing, and
completes the streams.
"""

import logging
from collections.abc import Sequence
from typing import Any

from emotf.errors import UserError

try:
    import apache_beam
except ImportError:
    raise UserError("Apache Beam is not installed; install emotf with its extra: pip install 'emotf[beam]'.") from None

from emotf.progress import say
from emotf.records.extraction import Elsewhere
from emotf.records.jobs import Job, Task, work

LOG_LEVEL = "--default_sdk_harness_log_level"


class ExtractRecording(apache_beam.DoFn):
    """Does a job. What failed is found, and said, when this machine looks over all recordings afterwards."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.tasks = tasks

    def process(self, job: Job, *args: Any, **kwargs: Any) -> None:
        """Extracts all streams of a recording."""
        work(self.tasks, job)


def with_beam(options: Sequence[str]) -> Elsewhere:
    """Extracts by a Beam pipeline; to be handed to `emotf.records.extract` as `elsewhere`.

    Args:
        options: of Beam's pipeline, for example `--runner=DirectRunner`, `--direct_running_mode=multi_processing`,
            `--direct_num_workers=2`.

    Raises:
        UserError: Beam is not installed; or its local runner is asked for several threads of one process, which
            MediaPipe's graphs and TensorFlow's start cannot share.
    """
    given = dict(option.removeprefix("--").partition("=")[::2] for option in options)
    local = given.get("runner", "DirectRunner") == "DirectRunner"
    several = given.get("direct_num_workers", "1") != "1"
    if local and several and given.get("direct_running_mode", "in_memory") != "multi_processing":
        raise UserError(
            "Beam's DirectRunner would run several workers as threads, which share detectors; add "
            "--beam=--direct_running_mode=multi_processing."
        )

    def elsewhere(tasks: Sequence[Task], jobs: Sequence[Job]) -> None:
        from apache_beam.options.pipeline_options import PipelineOptions

        say(f"Beam: {len(jobs)} recordings")
        logging.getLogger("apache_beam").setLevel(logging.WARNING)  # it narrates every connection
        quiet = [] if any(option.startswith(LOG_LEVEL) for option in options) else [f"{LOG_LEVEL}=WARNING"]
        with apache_beam.Pipeline(options=PipelineOptions([*options, *quiet])) as pipeline:
            (
                pipeline
                | apache_beam.Create(list(jobs))
                | apache_beam.Reshuffle()  # or all of them would be one bundle, for one worker
                | apache_beam.ParDo(ExtractRecording(tasks))
            )

    return elsewhere

"""Scores of finished runs."""

from emotf.classification.pictures import Material
from emotf.classification.run import PictureRun
from emotf.classification.scoring import Answers
from emotf.evaluation import refuse_seen


def score(run: PictureRun, partition: str = "test", allow_seen: bool = False) -> Answers:
    """What a run answers to a partition; kept in the run with its scores, and taken from there the next time.

    Raises:
        UserError: the partition decided something and `allow_seen` is not set, the run is not finished, or the
            pictures have changed since it was trained.
    """
    refuse_seen(partition, allow_seen)
    material = Material(run.experiment)
    run.check_records(material.fingerprint)
    found = run.answers(partition)
    if found is None:
        from emotf.classification.training import Answering

        network = run.network()
        found = Answering(network, material.partition(partition), run.experiment.view)()
        run.write_answers(partition, found)
    return found

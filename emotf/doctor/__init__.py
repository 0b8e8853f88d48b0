"""Guards against leaks: what a score must not know, looked for in records, experiments, runs and fusions.

| guard             | refuses                                                                                       |
|-------------------|-----------------------------------------------------------------------------------------------|
| `subjects`        | a subject in two partitions or sessions, or one that a run learned from before and is tested on |
| `media`           | one and the same file in recordings of two partitions                                         |
| `windows`         | a training window that holds frames of another recording                                      |
| `edges`           | ratings where there is no media, or beyond the edge that a delay leaves unrated               |
| `features`        | a stream that was fitted (PCA) on recordings of development or test                           |
| `standardisation` | a normaliser that saw other recordings than those of train                                    |
| `scored`          | post-processing or late fusion that was fitted on recordings it is scored on                  |

Nothing here reads the values of a stream; gold standards are read.
"""

from emotf.doctor.examination import examine, examine_fitted, examine_folder, examine_run
from emotf.doctor.finding import Finding, refuse, table

__all__ = ["Finding", "examine", "examine_fitted", "examine_folder", "examine_run", "refuse", "table"]

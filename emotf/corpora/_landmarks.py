"""What the user's own tools found in the videos of a corpus, in folders beside the release.

<dir>/<openface_in>/<recording>.csv           medium openface: the table that OpenFace 2 wrote of the video
<dir>/<openpose_in>/<recording>/*.json        medium openpose, a folder: what OpenPose wrote of it, a file a picture
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from emotf.corpora._examination import Finding, of_files
from emotf.corpora._layout import by_stem, child
from emotf.corpora.base import Corpus
from emotf.corpora.folder import visible


@dataclass
class Landmarked(Corpus):
    """A corpus that takes OpenFace's tables and OpenPose's folders where they are.

    Frame k of either is of the k-th picture of the video; streams join them so with clock=video.

    Attributes:
        openface_in: folder of the user's own OpenFace 2 tables, below `dir`; empty: none.
        openpose_in: folder of the user's own folders of OpenPose's JSON files, below `dir`; empty: none.
    """

    openface_in: str = "OpenFace"
    openpose_in: str = "openpose"

    def _landmarks(self) -> dict[str, dict[str, Path]]:
        """Medium -> name of a recording or video -> table, or folder; empty where there is no folder of them."""
        tables = by_stem(child(self.root(), self.openface_in), ".csv") if self.openface_in else {}
        inner = visible(child(self.root(), self.openpose_in)) if self.openpose_in else []
        return {"openface": tables, "openpose": {path.name: path for path in inner if path.is_dir()}}

    def _landmarks_layout(self, known: Iterable[str]) -> Iterator[Finding]:
        """The folders that are there, and what is in them of none of the known names."""
        home = self.root()
        for place, files in zip((self.openface_in, self.openpose_in), self._landmarks().values(), strict=True):
            if not place or not child(home, place).is_dir():
                continue
            each = "one a video, optional, your own: not part of the release"
            finding = of_files(home, place, list(files.values()), each)
            strange = sorted(files.keys() - set(known))
            advice = f"of no recording or video: {', '.join(strange)}; rename or remove" if strange else finding.advice
            yield replace(finding, advice=advice)

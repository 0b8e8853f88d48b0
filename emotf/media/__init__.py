"""Decoded sound and pictures, in bounded memory.

Conventions
    Sound is float32 mono in [-1, 1], what `soundfile` returns as float, several channels averaged. Pictures are uint8
    rgb [height, width, 3], turned upright where the file says so. Times are seconds from one origin a file, for sound
    and pictures alike: the presentation time of the first picture, or of the first sample where there are no pictures.
"""

from emotf.media.clock import picture_clock
from emotf.media.detectors import detector
from emotf.media.face_mesh import Face, FaceMesh, face_mesh, faces
from emotf.media.listing import media_files
from emotf.media.opencv import check_opencv, opencv_distributions
from emotf.media.pictures import VideoInfo, picture_times, pictures, video_info
from emotf.media.pose import BodyPose, bodies, body_pose
from emotf.media.sound import SoundInfo, read_sound, sound_blocks, sound_info
from emotf.media.writing import video_writer

__all__ = [
    "BodyPose",
    "Face",
    "FaceMesh",
    "SoundInfo",
    "VideoInfo",
    "bodies",
    "body_pose",
    "check_opencv",
    "detector",
    "face_mesh",
    "faces",
    "media_files",
    "opencv_distributions",
    "picture_clock",
    "picture_times",
    "pictures",
    "read_sound",
    "sound_blocks",
    "sound_info",
    "video_info",
    "video_writer",
]

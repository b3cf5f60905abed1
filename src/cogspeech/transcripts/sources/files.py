"""The ``files`` source: transcripts that lie beside the recordings."""

from cogspeech.config import TranscriptsSection
from cogspeech.errors import TranscriptError
from cogspeech.settings import Settings
from cogspeech.transcripts.base import SOURCES, TranscriptSource, read_transcript_file
from cogspeech.types import Recording, Transcript


@SOURCES.register("files")
class FileTranscripts(TranscriptSource):
    """Reads the file in the recording's ``transcript_path``."""

    class Options(Settings):
        """``files``, or ``{name: files}``: there is nothing to choose."""

    def __init__(self, options: Options, section: TranscriptsSection) -> None:  # noqa: ARG002
        self._section = section

    def covers(self, recording: Recording) -> bool:
        """Whether a transcript file is named."""
        return recording.transcript_path is not None

    def fingerprint(self) -> None:
        """Files are read anew each time."""

    def transcript_of(self, recording: Recording) -> Transcript:
        """The words in the recording's transcript file."""
        if recording.transcript_path is None:
            raise TranscriptError(
                f"{recording.where}: recording '{recording.recording_id}' has no "
                "transcript_path; fill the column with the path of a words file"
            )
        try:
            return read_transcript_file(
                recording.transcript_path,
                recording_id=recording.recording_id,
                section=self._section,
            )
        except TranscriptError as error:
            place = f"{recording.where}: " if not str(error).startswith(recording.where) else ""
            raise TranscriptError(f"{place}{error}") from error

"""``audio_files``: recordings that cannot be heard, and transcripts that cannot be read."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from cogspeech.audit.base import CHECKS, Check, Evidence, Finding


@CHECKS.register("audio_files")
class AudioFiles(Check):
    """What stops a study before anything is encoded."""

    codes: ClassVar[Mapping[str, str]] = {
        "audio_unreadable": "the audio cannot be decoded to its end, or is digital silence",
        "transcript_unreadable": "the transcript file cannot be read",
    }

    def find(self, evidence: Evidence) -> Iterator[Finding]:
        """One error per file."""
        for item in evidence.items:
            problems = (item.sound_problem, item.transcript_problem)
            for code, problem in zip(self.codes, problems, strict=True):
                if problem:
                    yield Finding(
                        code=code,
                        severity="error",
                        recordings=(item.recording.recording_id,),
                        message=_placed(item.recording.where, problem),
                    )


def _placed(where: str, problem: str) -> str:
    return problem if not where or problem.startswith(where) else f"{where}: {problem}"

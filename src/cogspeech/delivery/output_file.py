"""What a command writes where the user said."""

from pathlib import Path

from cogspeech.cache import write_atomically


def write_output(path: Path, text: str) -> None:
    """Writes a file whole or not at all; a pipe or a device, such as ``/dev/stdout``, as it is.

    Args:
        path: a link is followed, so that what it leads to is written.
        text: without the newline at its end.

    Raises:
        OSError: under the name that the user gave.
    """
    # Half a surrogate, as in a file name that is not UTF-8, is escaped as json has it.
    content = f"{text}\n".encode(errors="backslashreplace")
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)  # a folder refuses this
        else:
            write_atomically(path.resolve(), content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error

"""A predictor to and from the hub, in the manner of its libraries.

Only the files of a bundle travel, and each is checked as any other bundle. From the mixin come
`save_pretrained` and the upload; its way of loading reads a ``config.json`` that nobody checked, so
that is done here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import ModelHubMixin, snapshot_download
from huggingface_hub.errors import HFValidationError

from cogspeech.config import is_offline
from cogspeech.errors import BundleError, CogspeechError
from cogspeech.reporting.bundle_card import TAGS, bundle_card
from cogspeech.training.bundle import Bundle, load_bundle, save_bundle
from cogspeech.training.bundle_files import FILES, MAX_TEXT_BYTES, MAX_WEIGHT_BYTES, WEIGHTS

HUB_PLACE = re.compile(r"hf:/{0,2}(?P<name>[^@]+)(?:@(?P<revision>.+))?")
HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
OnHubT = TypeVar("OnHubT", bound="OnHub")
LOCAL_PATH = re.compile(r"[/~\\]|\.\.?[/\\]|[A-Za-z]:[/\\]")


class OnHub(ModelHubMixin, library_name="cogspeech", tags=list(TAGS)):  # type: ignore[misc]
    """Saves, publishes and loads what is made of a `Bundle`."""

    _bundle: Bundle

    def __new__(cls, *_: Any, **__: Any) -> Any:
        """Nothing of the arguments is kept; the mixin would copy them into a ``config.json``."""
        return object.__new__(cls)

    @classmethod
    def from_pretrained(
        cls: type[OnHubT],
        name_or_folder: str | Path,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        **options: Any,
    ) -> OnHubT:
        """What a folder holds or, where there is none, a repository of the hub.

        Args:
            name_or_folder: such as ``RUN/model``, or ``owner/name``.
            revision: commit, tag or branch of a repository; a commit makes it the same for ever.
                The commit that was taken is the ``origin`` of the bundle.
            token: for private repositories; by default the one of ``hf auth login``.
            cache_dir: where the hub's files are kept; by default its cache.
            options: of the class, beside the bundle.

        Raises:
            BundleError: it is neither, cannot be fetched, or is no sound bundle.
        """
        place = Path(name_or_folder)
        if place.exists():
            if revision is not None:
                raise BundleError(f"{place}: is a folder, which has no revision; leave it out")
        elif HUB_NAME.fullmatch(str(name_or_folder)):
            place = _fetched(str(name_or_folder), revision, token=token, cache_dir=cache_dir)
        return cls(load_bundle(place), **options)  # type: ignore[call-arg]

    def _save_pretrained(self, save_directory: Path) -> None:
        bundle = self._bundle
        card = bundle.card or bundle_card(bundle.facts, bundle.digest)
        save_bundle(replace(bundle, card=card), save_directory)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = True,
        token: str | None = None,
        commit_message: str = "A cogspeech bundle",
    ) -> str:
        """Publishes the bundle; the repository is made if missing. Returns the commit's address.

        Args:
            repo_id: ``owner/name``.
            private: of a repository that is made: only its owners see it. What weights were
                trained on can in part be told from them, so publishing is a decision.
            token: by default the one of ``hf auth login``.
            commit_message: of the one commit.

        Raises:
            BundleError: the network is forbidden, the hub refuses, or the description names a
                folder of this computer.
        """
        if is_offline():
            raise BundleError(f"{repo_id}: cannot be published offline; allow the network once")
        _refuse_local_paths(self._bundle.facts.model_dump(mode="json"))
        with _hub_errors(repo_id):
            return str(
                super().push_to_hub(
                    repo_id, private=private, token=token, commit_message=commit_message
                )
            )


def bundle_at(place: str | Path, *, onnx: Path | None = None) -> Bundle:
    """The bundle that a command names: a folder, or ``hf://owner/name@revision``.

    Without ``hf:`` nothing is fetched, so a mistyped folder is never looked up on the network.

    Args:
        place: as above.
        onnx: an exported graph of it, to be run in place of its model.

    Raises:
        BundleError: there is none, or it is not sound.
    """
    found = HUB_PLACE.fullmatch(str(place))
    folder = _fetched(found["name"], found["revision"]) if found else Path(place)
    bundle = load_bundle(folder)
    if onnx is None:
        return bundle
    from cogspeech.delivery.onnx_model import with_onnx

    return with_onnx(bundle, onnx)


def _fetched(
    name: str,
    revision: str | None,
    *,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
) -> Path:
    """The folder of the hub's cache with the files of a bundle, and no other files."""
    offline = is_offline()
    asked: dict[str, Any] = {
        "revision": revision,
        "token": token,
        "cache_dir": cache_dir,
        "allow_patterns": list(FILES),
    }
    with _hub_errors(name):
        if not offline:
            for planned in snapshot_download(name, **asked, dry_run=True):
                limit = MAX_WEIGHT_BYTES if planned.filename == WEIGHTS else MAX_TEXT_BYTES
                if planned.file_size > limit:
                    raise BundleError(
                        f"{name}: its {planned.filename} has {planned.file_size} bytes, expected "
                        f"at most {limit}; nothing was fetched"
                    )
        return Path(snapshot_download(name, **asked, local_files_only=offline))


@contextmanager
def _hub_errors(name: str) -> Iterator[None]:
    try:
        yield
    except HFValidationError as error:
        raise BundleError(f"{name}: is no name of the hub; expected owner/name") from error
    except CogspeechError:
        raise
    except Exception as error:  # the client passes on those of whichever http library it has
        remedy = "allow the network once" if is_offline() else "check name, revision and token"
        raise BundleError(
            f"{name}: the hub does not give or take it ({type(error).__name__}); {remedy}"
        ) from error


def _refuse_local_paths(plain: Any, key: str = "") -> None:
    """Refuses to publish a description that tells where something lies on this computer."""
    if isinstance(plain, dict | list):
        pairs = plain.items() if isinstance(plain, dict) else enumerate(plain)
        for name, value in pairs:
            _refuse_local_paths(value, f"{key}.{name}" if key else str(name))
    elif isinstance(plain, str) and LOCAL_PATH.match(plain):
        raise BundleError(
            f"'{key}' in bundle.json is a place on this computer, which nobody else has; train "
            "with a hub name to publish the bundle"
        )

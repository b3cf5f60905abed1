"""What an answer costs beside the encoders. Prints a table and writes json.

    python benchmarks/predict_cost.py [--seconds 60] [--rounds 3] [--json FILE] [--small]

Full-size wav2vec2-base and roberta-base with random weights have the true cost, so nothing is
downloaded. `Predictor.predict` without a cache alternates with the bare forward of both encoders on
exactly the inputs that it gave them; what is loaded once is loaded before. Times are of the
processor, so other work on the machine does not count. ``--small`` shows that the benchmark runs.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from checkpoints import WORDS
from cogspeech import Predictor
from cogspeech.config import Study
from cogspeech.delivery import predictor as predictor_module
from digit_corpora import real_speech_folder
from embedding_engine import save_models
from librivox_corpora import librivox_corpus
from small_bundles import random_bundle

Spent = dict[str, float]


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


@contextmanager
def clocked(owner: Any, name: str, spent: Spent) -> Iterator[None]:
    """Adds up the time spent in a function of a module or class."""
    original = getattr(owner, name)

    def measured(*given: Any, **options: Any) -> Any:
        begin = time.process_time()
        try:
            return original(*given, **options)
        finally:
            spent[name] = spent.get(name, 0.0) + time.process_time() - begin

    setattr(owner, name, measured)
    try:
        yield
    finally:
        setattr(owner, name, original)


def seen_inputs(predictor: Predictor, path: Path) -> list[tuple[Any, torch.Tensor]]:
    """Every call of an encoder's network while one recording is answered: network and input."""
    seen: list[tuple[Any, torch.Tensor]] = []
    for encoder in predictor._encoders:
        checkpoint = encoder._checkpoint

        def noted(inputs: torch.Tensor, *, keep: int | None = None, of: Any = checkpoint) -> Any:
            seen.append((of, inputs))
            return type(of).hidden(of, inputs, keep=keep)

        checkpoint.hidden = noted
    predictor.predict(path)
    for encoder in predictor._encoders:
        del encoder._checkpoint.hidden
    return seen


def with_usual_tokens(words_file: Path, predictor: Predictor) -> float:
    """Words of a token, every tenth of several; gives the tokens per word.

    RoBERTa's tokenizer makes 1.2 to 1.4 tokens of a spoken English word. The small one here makes
    one of each word it was trained on, and would make five of the others.
    """
    plain = json.loads(words_file.read_text())
    for number, word in enumerate(plain["words"]):
        if number % 10:
            word["text"] = WORDS[number % len(WORDS)]
    words_file.write_text(json.dumps(plain))
    texts = tuple(word["text"] for word in plain["words"])
    return len(predictor._encoders[1].encode(texts).word_index) / len(texts)


def measure(predictor: Predictor, path: Path, *, rounds: int) -> dict[str, Any]:
    """Medians over the rounds."""
    calls = seen_inputs(predictor, path)

    def forward() -> None:
        with torch.inference_mode():
            for checkpoint, inputs in calls:
                checkpoint.model(inputs).last_hidden_state.float().cpu()

    whole, bare, parts = [], [], []
    for _ in range(rounds):
        spent: Spent = {}
        with (
            clocked(predictor_module, "hear", spent),
            clocked(predictor._explainer, "explain", spent),
        ):
            whole.append(timed(lambda: predictor.predict(path)))
        bare.append(timed(forward))
        parts.append(spent)
    return {
        "predict_s": median(whole),
        "bare_forward_s": median(bare),
        "ratio": median(one / two for one, two in zip(whole, bare, strict=True)),
        "explain_s": median(spent["explain"] for spent in parts),
        "listen_s": median(spent["hear"] for spent in parts),
    }


def main() -> None:
    """One recording of real speech, words placed evenly."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    speech = real_speech_folder()
    if speech is None:
        raise SystemExit("no real speech: set COGSPEECH_REAL_SPEECH")
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        audio, text = save_models(folder, is_small=options.small)
        table = librivox_corpus(speech, folder / "corpus", seconds=[options.seconds])
        study = Study.model_validate(
            {
                "corpus": {"path": table},
                "audio_encoder": {"name": "huggingface", "model": str(audio)},
                "text_encoder": {"name": "huggingface", "model": str(text)},
            }
        )
        predictor = Predictor(random_bundle(study))
        path = folder / "corpus" / "audio" / "r0000.wav"
        tokens = with_usual_tokens(path.with_name("r0000.words.json"), predictor)
        found = measure(predictor, path, rounds=options.rounds)
    found |= {
        "tokens_per_word": tokens,
        "seconds": options.seconds,
        "threads": torch.get_num_threads(),
    }
    for name, value in found.items():
        sys.stdout.write(f"{name:<16} {value:.3f}\n")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()

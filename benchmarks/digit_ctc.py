"""A small CTC model of the spoken digits, trained where no trained model is at hand.

A Wav2Vec2ForCTC whose convolutions are a fixed bank of filters and whose two transformer blocks
learn, from takes 0 to 9 of the spoken digits, to write the letters of the number words (two minutes
on one core). A large model trained on days of speech places words better than this one; what is
measured with it is that frames, windows, paths and word edges fit together.
"""

import json
from pathlib import Path

import numpy as np
import torch
import transformers

from digit_corpora import NAMES, RATE_HZ
from planted_digits import Clips, Planted, planted

LETTERS = sorted(set("".join(NAMES)))
VOCABULARY = {"<pad>": 0, "|": 1, **{letter: 2 + n for n, letter in enumerate(LETTERS)}}
FIRST_TEST_TAKE = 10
FILTERS, WIDTH = 64, 96
BATCH_S, LEARNING_RATE = 8.0, 2e-3


def untrained_model() -> transformers.Wav2Vec2ForCTC:
    """50 frames a second: cosines and sines at mel distances, rectified, averaged over 20 ms."""
    torch.manual_seed(0)
    model = transformers.Wav2Vec2ForCTC(
        transformers.Wav2Vec2Config(
            vocab_size=len(VOCABULARY), pad_token_id=0, hidden_size=WIDTH, num_hidden_layers=2,
            num_attention_heads=4, intermediate_size=2 * WIDTH, conv_dim=(FILTERS,) * 4,
            conv_kernel=(128, 4, 4, 4), conv_stride=(20, 2, 2, 2), num_feat_extract_layers=4,
            num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
            do_stable_layer_norm=True, apply_spec_augment=False, layerdrop=0.0,
            hidden_dropout=0.0, attention_dropout=0.0, activation_dropout=0.0,
            feat_proj_dropout=0.0, final_dropout=0.0, ctc_loss_reduction="mean",
        )
    )  # fmt: skip
    convolutions = [layer.conv for layer in model.wav2vec2.feature_extractor.conv_layers]
    hz = 700 * (
        np.exp(np.linspace(np.log(1 + 100 / 700), np.log(1 + 3800 / 700), FILTERS // 2)) - 1
    )
    phase = 2 * np.pi * hz[:, None] * np.arange(128) / RATE_HZ
    filters = np.concatenate([np.cos(phase), np.sin(phase)]) * np.hanning(128)
    filters /= np.linalg.norm(filters, axis=1, keepdims=True)
    averages = np.repeat(np.eye(FILTERS)[:, :, None] / 4, 4, axis=2)
    with torch.no_grad():
        for convolution, weight in zip(
            convolutions, [filters[:, None], *[averages] * 3], strict=True
        ):
            convolution.weight.copy_(torch.from_numpy(weight))
    model.freeze_feature_encoder()
    return model


def train_model(folder: Path, clips: Clips, *, steps: int) -> float:
    """Writes the checkpoint into ``folder``; gives the mean loss of the last tenth of the steps."""
    torch.set_num_threads(1)
    model, generator = untrained_model().train(), np.random.default_rng(0)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=LEARNING_RATE, weight_decay=0.01)
    losses = []
    for step in range(steps):
        done = step / steps
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / 60, max(0.02, 2 * (1 - done)))
        # Single words first: with many, a model that starts from nothing writes only blanks.
        audio, labels = _batch(clips, generator, words=1 if done < 0.2 else 2 if done < 0.35 else 4)
        loss = model(audio, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        losses.append(loss.item())
    model.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(sampling_rate=RATE_HZ).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY))
    return float(np.mean(losses[-max(1, steps // 10) :]))


def _batch(
    clips: Clips, generator: np.random.Generator, *, words: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Recordings of the same length, filled up with their own noise, and their letters."""
    made: list[Planted] = []
    while sum(len(each.samples) for each in made) < BATCH_S * RATE_HZ:
        made.append(
            planted(
                clips, range(FIRST_TEST_TAKE), generator, words=words, pause_s=(0.03, 0.4),
                noise=10 ** generator.uniform(-4, -2.5),
            )
        )  # fmt: skip
    longest = max(len(each.samples) for each in made)
    audio = np.zeros((len(made), longest), dtype=np.float32)
    spelled = [[VOCABULARY[letter] for letter in "|".join(each.texts)] for each in made]
    labels = np.full((len(made), max(map(len, spelled))), -100)
    for row, each in enumerate(made):
        floor = each.samples[-RATE_HZ // 4 :].std()
        audio[row] = floor * generator.standard_normal(longest)
        audio[row, : len(each.samples)] = each.samples
        audio[row] = (audio[row] - audio[row].mean()) / np.sqrt(audio[row].var() + 1e-7)
        labels[row, : len(spelled[row])] = spelled[row]
    return torch.from_numpy(audio), torch.from_numpy(labels)

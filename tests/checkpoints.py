"""Tiny random checkpoints, saved with the library's own writers, sizes that are not 768."""

from pathlib import Path

import torch

AUDIO_KINDS = ("wav2vec2", "wav2vec2-layer-norm", "hubert", "wavlm", "whisper")
TEXT_KINDS = ("bert", "roberta", "distilbert")
D_AUDIO, D_TEXT = 48, 36
WORDS = ("the", "boy", "climbs", "a", "ladder", "and", "falls", "down", "zero", "one", "two")


def save_audio_checkpoint(kind: str, folder: Path) -> Path:
    """A speech encoder of size 48 with the real convolutions of its family."""
    import transformers as tf

    torch.manual_seed(0)
    if kind == "whisper":
        config = tf.WhisperConfig(
            d_model=D_AUDIO, encoder_layers=2, decoder_layers=1, encoder_attention_heads=4,
            decoder_attention_heads=4, encoder_ffn_dim=64, decoder_ffn_dim=64, num_mel_bins=80,
            vocab_size=60, pad_token_id=0, bos_token_id=1, eos_token_id=2,
            decoder_start_token_id=1, max_target_positions=16,
        )  # fmt: skip
        tf.WhisperModel(config).save_pretrained(folder)
        tf.WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
        return folder
    sizes = {
        "hidden_size": D_AUDIO,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "conv_dim": (16,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 2,  # as many channels each as bfloat16 needs
        "feat_extract_norm": "layer" if "layer" in kind else "group",
        "do_stable_layer_norm": "layer" in kind,
    }
    family = kind.partition("-")[0]
    config_class, model_class = {
        "wav2vec2": (tf.Wav2Vec2Config, tf.Wav2Vec2Model),
        "hubert": (tf.HubertConfig, tf.HubertModel),
        "wavlm": (tf.WavLMConfig, tf.WavLMModel),
    }[family]
    model_class(config_class(**sizes)).save_pretrained(folder)
    tf.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    return folder


def save_text_checkpoint(kind: str, folder: Path, *, positions: int = 40) -> Path:
    """A text encoder of size 36 that reads ``positions`` tokens at a time."""
    import transformers as tf
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

    torch.manual_seed(0)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    is_roberta = kind == "roberta"
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 20, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", cls_token="<s>",
        sep_token="</s>", unk_token="<unk>", pad_token="<pad>", mask_token="<mask>",
    )  # fmt: skip
    fast.save_pretrained(folder)
    common = {"vocab_size": len(fast), "pad_token_id": 1}
    if kind == "distilbert":
        config = tf.DistilBertConfig(
            dim=D_TEXT, n_layers=2, n_heads=4, hidden_dim=64,
            max_position_embeddings=positions, **common,
        )  # fmt: skip
        tf.DistilBertModel(config).save_pretrained(folder)
        return folder
    sizes = {
        "hidden_size": D_TEXT,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "max_position_embeddings": positions + (2 if is_roberta else 0),
        **common,
    }
    if is_roberta:
        tf.RobertaModel(tf.RobertaConfig(**sizes)).save_pretrained(folder)
    else:
        tf.BertModel(tf.BertConfig(**sizes)).save_pretrained(folder)
    return folder

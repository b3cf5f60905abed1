"""A tiny random Whisper in CTranslate2's format: the real loading and decoding code, no meaning."""

from pathlib import Path


def save_whisper(folder: Path) -> Path:
    """A multilingual Whisper of size 64 whose tokens are single bytes."""
    import torch
    import transformers as tf
    from ctranslate2.converters import TransformersConverter
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    torch.manual_seed(0)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    end, start, no_times = "<|endoftext|>", "<|startoftranscript|>", "<|notimestamps|>"
    tasks = ("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>")
    tokenizer.add_special_tokens(
        [end, start, *[f"<|{code}|>" for code in LANGUAGES], *tasks, "<|nospeech|>", no_times]
    )
    times = [AddedToken(f"<|{0.02 * i:.2f}|>", special=True) for i in range(1501)]
    tokenizer.add_tokens(times)
    number = tokenizer.token_to_id
    config = tf.WhisperConfig(
        vocab_size=tokenizer.get_vocab_size(), d_model=64, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64,
        decoder_ffn_dim=64, num_mel_bins=80, max_target_positions=448, pad_token_id=number(end),
        bos_token_id=number(end), eos_token_id=number(end), suppress_tokens=[],
        decoder_start_token_id=number(start), begin_suppress_tokens=[],
    )  # fmt: skip
    model = tf.WhisperForConditionalGeneration(config)
    generation = model.generation_config
    generation.alignment_heads = [[1, 0]]
    generation.suppress_tokens = generation.begin_suppress_tokens = []
    generation.no_timestamps_token_id = number(no_times)
    generation.is_multilingual = True
    generation.lang_to_id = {f"<|{code}|>": number(f"<|{code}|>") for code in LANGUAGES}
    generation.task_to_id = {task[2:-2]: number(task) for task in tasks[:2]}
    source = folder / "transformers"
    model.save_pretrained(source)
    tf.WhisperFeatureExtractor(feature_size=80).save_pretrained(source)
    tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=end, bos_token=end, unk_token=end
    ).save_pretrained(source)
    files = ["tokenizer.json", "preprocessor_config.json"]
    TransformersConverter(str(source), copy_files=files).convert(str(folder / "ct2"))
    return folder / "ct2"

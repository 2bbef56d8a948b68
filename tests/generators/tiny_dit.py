# SPDX-License-Identifier: Apache-2.0
"""Tiny Stable Diffusion 3.5 and FLUX.1 pipelines with random weights, and what diffusers makes of them.

    python tests/generators/tiny_dit.py       # needs torch, diffusers, transformers, safetensors, sentencepiece, protobuf

Writes models/sd3-tiny and models/flux-tiny as save_pretrained writes them, with the tokenizer of models/glyphs for CLIP and
a SentencePiece model of the shipped prompts for T5, and tests/cli/fixtures/<case>.safetensors:

  <kind>_prompts  `hidden` and `pooled` of PROMPTS and "", by encode_prompt
  <kind>_<case>   `init` (latents [n, 16, H, W] that the pipeline starts from) and `latents` after six steps, [n, 16, H, W]

Cases: square and wide pictures, with and without guidance, T5 absent (sd3), static shift and no guidance input, as
FLUX.1-schnell (flux). The last two are other pipelines of the same weights: what the tests change in the folder is said there.

Made with torch 2.13, diffusers 0.42, transformers 5, sentencepiece 0.2, fp32, one thread.
"""

import json
import pathlib
import shutil
import tempfile

import sentencepiece
import torch
import transformers
from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel
from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline
from safetensors.torch import save_file

from tiny_pipeline import FIXTURES, GLYPHS, PROMPTS, ROOT

SD3, FLUX = ROOT / "models" / "sd3-tiny", ROOT / "models" / "flux-tiny"
NEGATIVE = "the digit 3"  # also in tests/cli/dit_golden_test.cpp
STEPS, WIDTH, POOLED = 6, 40, 16


def liven(module, scale):
    """Weights that make prompts, times and guidance matter, and leave nothing at zero."""
    for name, parameter in module.named_parameters():
        if parameter.dim() > 1:
            parameter.data.normal_(0, scale / (parameter.numel() / parameter.shape[0]) ** 0.5)
        else:
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    return module.eval()


def clip(kind, hidden, act):
    vocabulary = json.loads((GLYPHS / "tokenizer" / "vocab.json").read_text())
    end = vocabulary["<|endoftext|>"]
    return liven(kind(transformers.CLIPTextConfig(
        vocab_size=len(vocabulary), hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=3,
        num_attention_heads=2, max_position_embeddings=16, bos_token_id=vocabulary["<|startoftext|>"], eos_token_id=end,
        pad_token_id=end, projection_dim=hidden, hidden_act=act)), 1.0)


def t5():
    return liven(transformers.T5EncoderModel(transformers.T5Config(
        vocab_size=320, d_model=WIDTH, d_ff=48, d_kv=8, num_heads=4, num_layers=2, feed_forward_proj="gated-gelu",
        tie_word_embeddings=False, is_encoder_decoder=False, use_cache=False)), 1.0)


def vae(scaling, shift):
    module = AutoencoderKL(block_out_channels=(4, 8), down_block_types=("DownEncoderBlock2D",) * 2,
                           up_block_types=("UpDecoderBlock2D",) * 2, layers_per_block=1, norm_num_groups=2,
                           latent_channels=16, sample_size=16, scaling_factor=scaling, shift_factor=shift,
                           use_quant_conv=False, use_post_quant_conv=False)
    return liven(module, 1.0)


def write_t5_tokenizer(folder):
    """SentencePiece as T5 has it: unigrams, <pad> 0, </s> 1, <unk> 2, no start token."""
    texts = [json.loads(line)["prompt"] for file in sorted((ROOT / "recipes").glob("*/*.jsonl"))
             for line in file.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as place:
        corpus = pathlib.Path(place) / "corpus.txt"
        corpus.write_text("\n".join(texts))
        sentencepiece.SentencePieceTrainer.train(
            input=str(corpus), model_prefix=place + "/spiece", vocab_size=220, model_type="unigram", pad_id=0, eos_id=1,
            unk_id=2, bos_id=-1, character_coverage=1.0, num_threads=1, hard_vocab_limit=False, minloglevel=2)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(place + "/spiece.model", folder / "spiece.model")
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"eos_token": "</s>", "extra_ids": 100, "model_max_length": 512, "pad_token": "<pad>",
         "tokenizer_class": "T5Tokenizer", "unk_token": "<unk>"}, indent=2) + "\n")
    return transformers.T5TokenizerFast.from_pretrained(folder)


def save(pipe, folder, tokenizers):
    """As save_pretrained, with the tokenizers' files as published folders have them."""
    with tempfile.TemporaryDirectory() as place:
        kept = {name: shutil.copytree(source, pathlib.Path(place) / name) for name, source in tokenizers.items()}
        shutil.rmtree(folder, ignore_errors=True)
        pipe.save_pretrained(folder)
        for name, source in kept.items():
            shutil.rmtree(folder / name, ignore_errors=True)
            shutil.copytree(source, folder / name)


def make_sd3(place):
    torch.manual_seed(35)
    transformer = liven(SD3Transformer2DModel(
        sample_size=8, patch_size=2, in_channels=16, num_layers=3, attention_head_dim=8, num_attention_heads=2,
        joint_attention_dim=WIDTH, caption_projection_dim=16, pooled_projection_dim=32, out_channels=16,
        pos_embed_max_size=12, dual_attention_layers=(0, 1), qk_norm="rms_norm"), 0.8)
    spiece = write_t5_tokenizer(place / "t5")
    glyphs = transformers.CLIPTokenizer.from_pretrained(GLYPHS / "tokenizer")
    pipe = StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0), vae=vae(1.5305, 0.0609),
        text_encoder=clip(transformers.CLIPTextModelWithProjection, 16, "quick_gelu"), tokenizer=glyphs,
        text_encoder_2=clip(transformers.CLIPTextModelWithProjection, 16, "gelu"), tokenizer_2=glyphs,
        text_encoder_3=t5(), tokenizer_3=spiece)
    save(pipe, SD3, {"tokenizer": GLYPHS / "tokenizer", "tokenizer_2": GLYPHS / "tokenizer", "tokenizer_3": place / "t5"})
    return pipe


def make_flux(place):
    torch.manual_seed(1)
    transformer = liven(FluxTransformer2DModel(
        in_channels=64, num_layers=2, num_single_layers=2, attention_head_dim=12, num_attention_heads=2,
        joint_attention_dim=WIDTH, pooled_projection_dim=POOLED, guidance_embeds=True, axes_dims_rope=(4, 4, 4)), 0.8)
    glyphs = transformers.CLIPTokenizer.from_pretrained(GLYPHS / "tokenizer")
    pipe = FluxPipeline(
        transformer=transformer, vae=vae(0.3611, 0.1159), text_encoder=clip(transformers.CLIPTextModel, 16, "quick_gelu"),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0, use_dynamic_shifting=True, base_shift=0.5, max_shift=1.15,
                                                  base_image_seq_len=256, max_image_seq_len=4096),
        tokenizer=glyphs, text_encoder_2=t5(), tokenizer_2=write_t5_tokenizer(place / "t5"))
    save(pipe, FLUX, {"tokenizer": GLYPHS / "tokenizer", "tokenizer_2": place / "t5"})
    return pipe


def write(case, tensors):
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, FIXTURES / f"{case}.safetensors")
    print(case, {name: (list(tensor.shape), round(tensor.abs().max().item(), 3)) for name, tensor in tensors.items()})


def initial(height, width):
    return torch.randn(len(PROMPTS), 16, height // 2, width // 2, generator=torch.Generator().manual_seed(5))


def sd3_case(pipe, case, height, width, guidance):
    init = initial(height, width)
    latents = pipe(PROMPTS, negative_prompt=[NEGATIVE] * len(PROMPTS), height=height, width=width,
                   num_inference_steps=STEPS, guidance_scale=guidance, latents=init.clone(), output_type="latent").images
    write(f"sd3_{case}", {"init": init, "latents": latents})


def flux_case(pipe, case, height, width, guidance=3.5, cfg=1.0):
    init = initial(height, width)
    packed = FluxPipeline._pack_latents(init, len(PROMPTS), 16, height // 2, width // 2)
    negative = dict(negative_prompt=[NEGATIVE] * len(PROMPTS), true_cfg_scale=cfg) if cfg != 1 else {}
    latents = pipe(PROMPTS, height=height, width=width, num_inference_steps=STEPS, guidance_scale=guidance,
                   latents=packed.clone(), output_type="latent", **negative).images
    write(f"flux_{case}", {"init": init, "latents": FluxPipeline._unpack_latents(latents, height, width, 2)})


def main():
    texts = PROMPTS + [""]
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        sd3, flux = make_sd3(place / "sd3"), make_flux(place / "flux")
    for pipe in (sd3, flux):
        pipe.set_progress_bar_config(disable=True)
    hidden, _, pooled, _ = sd3.encode_prompt(texts, None, None, do_classifier_free_guidance=False)
    write("sd3_prompts", {"hidden": hidden, "pooled": pooled})
    hidden, pooled, _ = flux.encode_prompt(texts)
    write("flux_prompts", {"hidden": hidden, "pooled": pooled})

    sd3_case(sd3, "square", 16, 16, 1.0)
    sd3_case(sd3, "square_cfg", 16, 16, 4.5)
    sd3_case(sd3, "wide_cfg", 16, 24, 4.5)
    no_t5 = StableDiffusion3Pipeline(**{**sd3.components, "text_encoder_3": None, "tokenizer_3": None})
    no_t5.set_progress_bar_config(disable=True)
    sd3_case(no_t5, "no_t5", 16, 16, 4.5)

    flux_case(flux, "square", 16, 16)
    flux_case(flux, "wide", 16, 24)
    flux_case(flux, "large", 32, 48)
    flux_case(flux, "wide_cfg", 16, 24, cfg=2.0)
    torch.manual_seed(2)
    schnell = FluxTransformer2DModel.from_config({**flux.transformer.config, "guidance_embeds": False})
    schnell.load_state_dict({name: tensor for name, tensor in flux.transformer.state_dict().items()
                             if "guidance_embedder" not in name})
    even = FluxPipeline(**{**flux.components, "transformer": schnell.eval(),
                           "scheduler": FlowMatchEulerDiscreteScheduler(shift=1.0)})
    even.set_progress_bar_config(disable=True)
    flux_case(even, "schnell", 16, 16)


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    torch.set_grad_enabled(False)
    main()

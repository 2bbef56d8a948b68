# SPDX-License-Identifier: Apache-2.0
"""Golden fixtures of the text encoders that Stable Diffusion 3 and FLUX add: transformers' T5EncoderModel (1.1) and
CLIPTextModelWithProjection.

    python tests/generators/text_encoders.py            # needs torch, diffusers, transformers, safetensors

Writes tests/models/fixtures/{t5,clip_projection}_<case>.{json,safetensors}; weights are hashed as in networks.py, which has
the format. T5's `half` and `bfloat16` are what the same model gives when it is loaded in these types as a folder: in fp16
with its last layers in fp32.

Made with torch 2.13, transformers 5.24, fp32, one thread.
"""

import tempfile

import torch
import transformers

from networks import fill, gradients, write


def loaded_in(model, dtype, ids):
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        short = transformers.T5EncoderModel.from_pretrained(folder, dtype=dtype).eval()
    with torch.no_grad():
        return short(input_ids=ids).last_hidden_state.float()


def t5_case(case, about, config, ids, full):
    torch.manual_seed(31)
    model = transformers.T5EncoderModel(transformers.T5Config(**config, feed_forward_proj="gated-gelu",
                                                              is_encoder_decoder=False, dropout_rate=0.0)).eval()
    rows = fill(model)
    hidden = model(input_ids=ids).last_hidden_state
    probe = torch.randn_like(hidden)
    tensors = {"ids": ids, "hidden": hidden, "probe": probe}
    tensors.update(gradients(model, (hidden * probe).sum(), full))
    tensors["half"], tensors["bfloat16"] = (loaded_in(model, dtype, ids) for dtype in (torch.float16, torch.bfloat16))
    write(f"t5_{case}", about, {**config, "feed_forward_proj": "gated-gelu", "model_type": "t5"}, rows, tensors,
          generator="text_encoders.py")


def projection_case(case, about, config, ids):
    torch.manual_seed(37)
    model = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**config)).eval()
    rows = fill(model)
    out = model(input_ids=ids, output_hidden_states=True)
    penultimate = out.hidden_states[-2]
    probe, pooled_probe = torch.randn_like(penultimate), torch.randn_like(out.text_embeds)
    loss = (penultimate * probe).sum() + (out.text_embeds * pooled_probe).sum()
    tensors = {"ids": ids, "hidden": out.last_hidden_state, "penultimate": penultimate, "pooled": out.text_embeds,
               "probe": probe, "pooled_probe": pooled_probe}
    tensors.update(gradients(model, loss, ["text_projection.weight"]))
    write(f"clip_projection_{case}", about, {**config, "model_type": "clip_text_model"}, rows, tensors,
          generator="text_encoders.py")


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    generator = torch.Generator().manual_seed(41)
    ids = torch.randint(3, 90, (2, 150), generator=generator)
    ids[0, 40:], ids[1, 149] = 0, 1
    t5_case("v11", "T5 1.1's structure at small width; texts longer than the farthest bucket, padding seen", {
        "vocab_size": 96, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 3, "num_heads": 6}, ids,
        ["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", "encoder.final_layer_norm.weight"])
    t5_case("buckets", "Other buckets, other epsilon, odd width of heads", {
        "vocab_size": 96, "d_model": 24, "d_kv": 5, "d_ff": 40, "num_layers": 2, "num_heads": 3,
        "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20, "layer_norm_epsilon": 1e-5},
        ids[:, :37], ["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"])
    clip_ids = torch.tensor([[97, 5, 6, 7, 98, 98, 98, 98], [97, 98, 98, 98, 98, 98, 98, 98], [97, 1, 50, 3, 9, 12, 3, 98]])
    small = {"vocab_size": 99, "hidden_size": 32, "intermediate_size": 80, "num_hidden_layers": 3,
             "num_attention_heads": 4, "max_position_embeddings": 10, "bos_token_id": 97, "eos_token_id": 98,
             "pad_token_id": 98, "projection_dim": 24}
    projection_case("l", "CLIP-L of Stable Diffusion 3: quick_gelu, the legacy end token id 2", {
        **small, "eos_token_id": 2}, clip_ids)
    projection_case("g", "CLIP-G of Stable Diffusion 3: GELU, the end token by its id, pad token 0", {
        **small, "hidden_act": "gelu", "num_hidden_layers": 2, "projection_dim": 32},
        clip_ids.masked_fill(torch.cumsum(clip_ids == 98, 1) > 1, 0))

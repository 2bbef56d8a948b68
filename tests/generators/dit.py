# SPDX-License-Identifier: Apache-2.0
"""Golden fixtures of diffusers' SD3Transformer2DModel and FluxTransformer2DModel.

    python tests/generators/dit.py            # needs torch, diffusers, transformers, safetensors

Writes tests/models/fixtures/{sd3,flux}_<case>.{json,safetensors}; weights are hashed as in networks.py, which has the
format, SD3's table of positions (a buffer that files carry) among them. `position_table` is the one diffusers makes.
FLUX's latents are packed and unpacked, and its places made, by the functions of diffusers' pipeline.

Made with torch 2.13, diffusers 0.42, fp32, one thread.
"""

import diffusers
import numpy as np
import torch
import transformers

from networks import fill, gradients, hashed, write

TIMES = (0.9371, 0.25)  # sigma


def fill_table(model):
    """SD3's table of positions by hash too; the original is returned."""
    table = model.pos_embed.pos_embed
    values = hashed("pos_embed.pos_embed", table.numel()).astype(np.float32)
    model.pos_embed.pos_embed = torch.from_numpy(values).reshape(table.shape)
    return {"pos_embed.pos_embed": [list(table.shape), 0.0, 1.0]}, table


def finish(case, about, model, rows, run, inputs, full, extra):
    for tensor in inputs.values():
        tensor.requires_grad_(tensor.dim() > 1)
    output = run(inputs)
    probe = torch.randn_like(output)
    tensors = {**inputs, **extra, "probe": probe, "output": output}
    tensors.update(gradients(model, (output * probe).sum(), full))
    tensors.update({f"grad_{name}": x.grad for name, x in inputs.items() if x.grad is not None})
    write(case, about, dict(model.config), rows, tensors, generator="dit.py")


def sd3_case(case, about, config, size, tokens, full):
    torch.manual_seed(23)
    model = diffusers.SD3Transformer2DModel(**config).eval()
    rows = fill(model)
    table_rows, table = fill_table(model)
    rows.update(table_rows)
    inputs = {"sample": torch.randn(2, model.config.in_channels, *size),
              "time": 1000 * torch.tensor(TIMES),
              "hidden": torch.randn(2, tokens, model.config.joint_attention_dim),
              "pooled": torch.randn(2, model.config.pooled_projection_dim)}
    run = lambda x: model(hidden_states=x["sample"], timestep=x["time"], encoder_hidden_states=x["hidden"],
                          pooled_projections=x["pooled"]).sample
    finish(f"sd3_{case}", about, model, rows, run, inputs, full, {"position_table": table})


def flux_case(case, about, config, size, tokens, full):
    torch.manual_seed(29)
    model = diffusers.FluxTransformer2DModel(**config).eval()
    rows = fill(model)
    channels, (height, width), pipe = model.config.in_channels // 4, size, diffusers.FluxPipeline
    inputs = {"sample": torch.randn(2, channels, *size), "time": torch.tensor(TIMES),
              "hidden": torch.randn(2, tokens, model.config.joint_attention_dim),
              "pooled": torch.randn(2, model.config.pooled_projection_dim)}
    if model.config.guidance_embeds:
        inputs["guidance"] = torch.tensor([3.5, 1.75])
    places = pipe._prepare_latent_image_ids(2, height // 2, width // 2, "cpu", torch.float32)

    def run(x):
        packed = pipe._pack_latents(x["sample"], 2, channels, height, width)
        out = model(hidden_states=packed, timestep=x["time"], guidance=x.get("guidance"), img_ids=places,
                    txt_ids=torch.zeros(tokens, 3), encoder_hidden_states=x["hidden"],
                    pooled_projections=x["pooled"]).sample
        return pipe._unpack_latents(out, 8 * height, 8 * width, 8)

    finish(f"flux_{case}", about, model, rows, run, inputs, full, {})


def sd3_cases():
    small = {"sample_size": 12, "in_channels": 16, "num_layers": 2, "attention_head_dim": 16, "num_attention_heads": 2,
             "joint_attention_dim": 32, "caption_projection_dim": 32, "pooled_projection_dim": 48,
             "pos_embed_max_size": 9}
    last = "transformer_blocks.1.norm1_context.linear.weight"
    sd3_case("medium", "Stable Diffusion 3 Medium's structure at small width", small, (8, 14), 5,
             ["pos_embed.proj.weight", "transformer_blocks.0.attn.to_add_out.weight", last])
    sd3_case("35_medium", "Stable Diffusion 3.5 Medium's: dual attention in the first blocks, RMS norms of q and k", {
        **small, "num_layers": 3, "attention_head_dim": 8, "num_attention_heads": 4, "dual_attention_layers": (0, 1),
        "qk_norm": "rms_norm", "out_channels": None, "in_channels": 4}, (18, 6), 7,
        ["transformer_blocks.1.attn2.to_q.weight", "transformer_blocks.0.attn.norm_added_k.weight",
         "time_text_embed.text_embedder.linear_1.weight"])
    sd3_case("35_large", "Stable Diffusion 3.5 Large's: RMS norms, no dual attention, an odd number of heads", {
        **small, "attention_head_dim": 16, "num_attention_heads": 3, "caption_projection_dim": 48,
        "qk_norm": "rms_norm", "in_channels": 4, "out_channels": 4}, (6, 6), 3,
        ["transformer_blocks.1.attn.to_out.0.weight", "norm_out.linear.weight"])


def flux_cases():
    small = {"in_channels": 16, "num_layers": 2, "num_single_layers": 2, "attention_head_dim": 16,
             "num_attention_heads": 2, "joint_attention_dim": 32, "pooled_projection_dim": 48,
             "axes_dims_rope": (4, 6, 6)}
    flux_case("dev", "FLUX.1-dev's structure at small width", {**small, "guidance_embeds": True}, (6, 10), 7,
              ["time_text_embed.guidance_embedder.linear_1.weight", "transformer_blocks.0.attn.norm_added_q.weight",
               "single_transformer_blocks.1.proj_out.weight"])
    flux_case("schnell", "FLUX.1-schnell's: no guidance, here with an odd number of heads", {
        **small, "num_layers": 1, "num_single_layers": 3, "attention_head_dim": 16, "num_attention_heads": 3,
        "axes_dims_rope": (4, 4, 8), "in_channels": 64}, (8, 4), 4,
        ["x_embedder.weight", "single_transformer_blocks.0.attn.to_k.weight"])


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    sd3_cases()
    flux_cases()

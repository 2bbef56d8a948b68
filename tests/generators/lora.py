# SPDX-License-Identifier: Apache-2.0
"""Golden fixtures of LoRA: what peft computes, matches and initializes, and the files that peft and diffusers write.

    python tests/generators/lora.py                # needs torch, diffusers, transformers, peft, safetensors

Writes tests/models/fixtures/lora_*.{json,safetensors}: outputs and gradients of adapted U-Nets, whose weights come from
the hash of networks.py, adapters included; and tests/models/fixtures/lora_files/: one adapter of a tiny U-Net and text
encoder in the forms of diffusers, peft and kohya, each with the U-Net's output as its writer computes it.

Made with torch 2.13, diffusers 0.42, transformers 5, peft 0.21, fp32, one thread.
"""

import json
import pathlib
import shutil

import diffusers
import peft
import torch
import transformers
from diffusers.training_utils import _collate_lora_metadata
from diffusers.utils import convert_state_dict_to_kohya
from networks import FOLDER, fill, hashed, write
from peft.utils import get_peft_model_state_dict
from safetensors.torch import save_file

FILES = FOLDER / "lora_files"
TINY = {"sample_size": 8, "block_out_channels": [16], "down_block_types": ["CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D"], "mid_block_type": None, "norm_num_groups": 4, "layers_per_block": 1,
        "attention_head_dim": 1, "cross_attention_dim": 8}
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
EVERYTHING = ATTENTION + ["proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1", "conv2", "conv_shortcut", "conv",
                          "time_emb_proj", "conv_in", "conv_out", "linear_1", "linear_2"]


def fill_adapter(model):
    """A and B from the hash under their peft names without the adapter's: '<path>.lora_A.weight'."""
    for name, parameter in model.named_parameters():
        if "lora_" not in name:
            parameter.requires_grad_(False)
            continue
        plain = name.replace(".default", "").removeprefix("base_model.model.")
        bound = (2.0 if ".lora_A." in name else 0.5) / parameter[0].numel() ** 0.5
        values = bound * hashed(plain, parameter.numel())
        parameter.data = torch.from_numpy(values).float().reshape(parameter.shape)


def base_unet(config):
    unet = diffusers.UNet2DConditionModel.from_config(config).eval()
    return unet, fill(unet)


def inputs(unet, size, text_length):
    torch.manual_seed(29)
    return (torch.randn(2, unet.config.in_channels, *size), torch.tensor([3.25, 641.0]),
            torch.randn(2, text_length, unet.config.cross_attention_dim))


def unet_case(case, about, network, size, targets, rank, alpha, text_length=7):
    """On the network and weights of another fixture (networks.py)."""
    config = json.loads((FOLDER / f"{network}.json").read_text())["config"]
    unet, _ = base_unet(config)
    unet.add_adapter(peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets))
    fill_adapter(unet)
    sample, timestep, text = inputs(unet, size, text_length)
    sample.requires_grad_(True)
    output = unet(sample, timestep, text).sample
    probe = torch.randn_like(output)
    (output * probe).sum().backward()
    trained = sorted((name.replace(".default", ""), p.grad) for name, p in unet.named_parameters() if p.requires_grad)
    assert all("lora_" in name for name, _ in trained)
    tensors = {"sample": sample, "timestep": timestep, "text": text, "probe": probe, "output": output,
               "grad_sample": sample.grad,
               "grad_norms": torch.stack([grad.double().norm() for _, grad in trained]),
               "grad_dots": torch.stack([(grad.double().flatten() * torch.from_numpy(
                   hashed(name + "#direction", grad.numel()))).sum() for name, grad in trained])}
    unet.disable_adapters()
    tensors["output_off"] = unet(sample, timestep, text).sample
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, FOLDER / f"{case}.safetensors")
    (FOLDER / f"{case}.json").write_text(json.dumps(
        {"about": about, "generator": "tests/generators/lora.py", "network": network, "rank": rank, "alpha": alpha,
         "targets": targets, "peft": peft.__version__}, indent=1) + "\n")


def bf16_case():
    """Adapters stay fp32 over a bf16 base: peft's cast of the input, and of the sum."""
    torch.manual_seed(3)
    base = torch.nn.Sequential(torch.nn.Linear(24, 16))
    layer = peft.get_peft_model(base.to(torch.bfloat16), peft.LoraConfig(r=4, lora_alpha=12, target_modules=["0"]))
    lora = layer.base_model.model[0]
    lora.lora_B["default"].weight.data.normal_(0, 0.3)
    x = torch.randn(5, 24).to(torch.bfloat16)
    assert lora.lora_A["default"].weight.dtype == torch.float32
    save_file({"x": x, "weight": lora.base_layer.weight.data, "bias": lora.base_layer.bias.data,
               "down": lora.lora_A["default"].weight.data, "up": lora.lora_B["default"].weight.data,
               "output": layer(x).detach()}, FOLDER / "lora_bf16.safetensors")


def matching_case():
    """Which layers peft adapts for a list of ends, a whole-path pattern, and all-linear; and how A starts."""
    rows = []
    for targets in (["to_q"], ["attn1.to_q"], ["q"], ["to_k", "proj_out"], ["conv_in", "ff.net.2"],
                    ["down_blocks.0.attentions.0.proj_in"], r".*attn2\.to_[kv]", r"to_q", r".*\.(conv1|conv2)",
                    r"(?!.*attn1).*to_out\.0", "all-linear"):
        unet, _ = base_unet(TINY)
        try:
            peft.inject_adapter_in_model(peft.LoraConfig(r=2, target_modules=targets), unet)
            names = sorted(name for name, module in unet.named_modules() if isinstance(module, peft.tuners.lora.LoraLayer))
        except ValueError as error:
            assert "not found" in str(error), error
            names = []
        rows.append({"targets": targets, "layers": names})
    starts = []
    for init in (True, "gaussian"):
        for name, layer in (("linear", torch.nn.Linear(600, 400)), ("conv", torch.nn.Conv2d(64, 32, 3))):
            torch.manual_seed(5)
            model = peft.get_peft_model(torch.nn.Sequential(layer), peft.LoraConfig(
                r=16, target_modules=["0"], init_lora_weights=init))
            a = model.base_model.model[0].lora_A["default"].weight
            assert not model.base_model.model[0].lora_B["default"].weight.any()
            starts.append({"init": "gaussian" if init == "gaussian" else "kaiming", "layer": name,
                           "std": float(a.detach().std()), "largest": float(a.detach().abs().max())})
    (FOLDER / "lora_matching.json").write_text(json.dumps(
        {"generator": "tests/generators/lora.py", "peft": peft.__version__, "matching": rows, "starts": starts},
        indent=1) + "\n")


def dit_matching_case():
    """Which layers of the transformers of dit.py peft adapts for flow_grpo's targets, and for ends without a dot."""
    attention = [f"attn.{name}" for name in ("add_k_proj", "add_q_proj", "add_v_proj", "to_add_out", "to_k", "to_out.0",
                                             "to_q", "to_v")]
    feed_forward = ["ff.net.0.proj", "ff.net.2", "ff_context.net.0.proj", "ff_context.net.2"]
    rows = []
    for network, cls, lists in (
            ("sd3_35_medium", diffusers.SD3Transformer2DModel, [attention, ["to_q"], ["attn2.to_q", "proj_out"]]),
            ("flux_dev", diffusers.FluxTransformer2DModel, [attention + feed_forward, ["to_q", "proj_mlp"]])):
        for targets in lists:
            net = cls.from_config(json.loads((FOLDER / f"{network}.json").read_text())["config"])
            peft.inject_adapter_in_model(peft.LoraConfig(r=2, target_modules=targets), net)
            names = sorted(name for name, module in net.named_modules() if isinstance(module, peft.tuners.lora.LoraLayer))
            rows.append({"network": network, "targets": targets, "layers": names})
    (FOLDER / "lora_matching_dit.json").write_text(json.dumps(
        {"generator": "tests/generators/lora.py", "peft": peft.__version__, "matching": rows}, indent=1) + "\n")


def adapted_parts(alpha_pattern=True):
    unet, rows = base_unet(TINY)
    config = {"r": 2, "lora_alpha": 6, "target_modules": ATTENTION + ["conv1", "proj_in"]}
    if alpha_pattern:
        config["rank_pattern"] = {"up_blocks.0.resnets.0.conv1": 3, "attn2.to_k": 1}
        config["alpha_pattern"] = {"attn2.to_k": 5, "down_blocks.0.attentions.0.proj_in": 1}
    unet.add_adapter(peft.LoraConfig(**config))
    fill_adapter(unet)
    text = transformers.CLIPTextModel(transformers.CLIPTextConfig(
        vocab_size=99, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=10, bos_token_id=97, eos_token_id=98, pad_token_id=98)).eval()
    text_rows = fill(text)
    text.add_adapter(peft.LoraConfig(r=2, lora_alpha=4, target_modules=["q_proj", "fc1"]))
    fill_adapter(text)
    return unet, rows, text, text_rows


@torch.no_grad()
def file_cases():
    shutil.rmtree(FILES, ignore_errors=True)
    FILES.mkdir(parents=True)
    pipeline = diffusers.StableDiffusionPipeline
    unet, rows, text, text_rows = adapted_parts()
    unet_state, text_state = get_peft_model_state_dict(unet), get_peft_model_state_dict(text)
    sample, timestep, hidden = inputs(unet, (7, 5), 3)
    ids = torch.tensor([[97, 5, 6, 98, 98, 98]])
    outputs = {"sample": sample, "timestep": timestep, "text": hidden, "ids": ids,
               "output": unet(sample, timestep, hidden).sample, "hidden": text(ids).last_hidden_state}
    write("lora_tiny_unet", "The network of lora_files", dict(unet.config), rows, outputs, "lora.py")
    write("lora_tiny_text", "The text encoder of lora_files", {**text.config.to_dict(), "model_type": "clip_text_model"},
          text_rows, {"ids": ids}, "lora.py")

    pipeline.save_lora_weights(FILES / "diffusers", unet_lora_layers=unet_state, text_encoder_lora_layers=text_state,
                               **_collate_lora_metadata({"unet": unet, "text_encoder": text}))
    wrapped = peft.get_peft_model(base_unet(TINY)[0], unet.peft_config["default"])
    fill_adapter(wrapped)
    wrapped.save_pretrained(FILES / "peft")
    (FILES / "peft" / "README.md").unlink(missing_ok=True)
    assert torch.allclose(wrapped(sample, timestep, hidden).sample, outputs["output"], atol=1e-6)

    prefixed = {f"unet.{k}": v for k, v in unet_state.items()}
    prefixed.update({f"text_encoder.text_model.{k.removeprefix('text_model.')}": v for k, v in text_state.items()})
    kohya = convert_state_dict_to_kohya(dict(prefixed))
    alphas = {}
    for config, state, prefix in ((unet.peft_config["default"], unet_state, "lora_unet_"),
                                  (text.peft_config["default"], text_state, "lora_te1_text_model_")):
        for key in state:
            if ".lora_A." in key:
                path = key.split(".lora_A.")[0].removeprefix("text_model.")
                pattern = [v for k, v in config.alpha_pattern.items() if path == k or path.endswith("." + k)]
                alphas[prefix + path.replace(".", "_") + ".alpha"] = float((pattern + [config.lora_alpha])[0])
    named = {}
    for key, value in kohya.items():
        name = key if key.startswith("lora_") else None
        assert name, key
        named[name] = value.contiguous()
    for key in [key for key in named if key.endswith(".alpha")]:
        del named[key]
    named.update({key: torch.tensor(value) for key, value in alphas.items()})
    save_file(named, FILES / "kohya.safetensors", {"format": "pt", "ss_network_module": "networks.lora"})

    old = {}
    for key, value in prefixed.items():
        if key.startswith("unet.") and ".attn" in key:
            name = key.replace(".to_out.0.lora_", ".to_out.lora_")
            head, tail = name.rsplit(".lora_", 1)
            block, part = head.rsplit(".", 1)
            old[f"{block}.processor.{part}_lora.{'down' if tail[0] == 'A' else 'up'}.weight"] = value
    save_file(old, FILES / "old_attention.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    unet_case("lora_sd15", "An adapter on every linear and convolution layer of SD1.5's structure", "unet_sd15", (16, 16),
              EVERYTHING, rank=3, alpha=5)
    unet_case("lora_sd21", "Attention adapters of a rank that the kernels take, linear projections", "unet_sd21", (8, 24),
              ATTENTION + ["proj_in"], rank=16, alpha=32)
    bf16_case()
    matching_case()
    dit_matching_case()
    file_cases()

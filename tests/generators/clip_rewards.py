# SPDX-License-Identifier: Apache-2.0
"""Golden fixtures of the rewards made of a CLIP, and of the rewards that need no weights.

    python tests/generators/clip_rewards.py    # torch, transformers, open_clip_torch, pillow, numpy, safetensors

Writes below tests/rewards/fixtures/:

  tiny_clip/        a CLIPModel with random weights as transformers saves it (pickscore, clip_score, aesthetic)
  tiny_open_clip/   a CLIP with random weights under open_clip's names, as HPSv2.1 is published (hps)
  aesthetic_head.safetensors   five linear layers under the published head's names
  clip_rewards.json + .safetensors   pictures, prompts, and every reward of each pair

pickscore follows the model card's code with flow_grpo's division by 26; aesthetic LAION's predictor (linear layers and
dropout, in evaluation mode) on the embedding of unit length; hps the cosine of its package. JPEG sizes are Pillow's at
quality 95; colorfulness is a NumPy transcription of Hasler & Süsstrunk, section 4.

Made with torch 2.13, transformers 5.23, open_clip_torch 3.3, pillow 13, fp32, one thread.
"""
import io
import json
import pathlib

import numpy as np
import open_clip
import safetensors.torch
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

OUT = pathlib.Path(__file__).resolve().parents[1] / "rewards/fixtures"
PROMPTS = ["a cat", "a dog on a red sofa", "a cat", "Étude No. 7!"]
SIZE, WIDTH, PROJECTION, CONTEXT = 16, 16, 12, 24


def tokenizer_files(folder):
    """CLIP's byte vocabulary with a handful of merges."""
    visible = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = [chr(b) for b in visible] + [chr(256 + n) for n in range(256 - len(visible))]
    merges = ["c a", "ca t</w>", "d o", "do g</w>", "r e", "re d</w>"]
    words = alphabet + [c + "</w>" for c in alphabet] + [m.replace(" ", "") for m in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({w: i for i, w in enumerate(words)}, ensure_ascii=False))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=CONTEXT)
    (folder / "tokenizer_config.json").write_text(json.dumps(
        {"model_max_length": CONTEXT, "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>",
         "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "tokenizer_class": "CLIPTokenizer"}, indent=1))
    return tokenizer, len(words)


def clip_config(vocabulary):
    tower = {"hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2,
             "hidden_act": "gelu"}
    text = tower | {"vocab_size": vocabulary, "max_position_embeddings": CONTEXT, "bos_token_id": vocabulary - 2,
                    "eos_token_id": vocabulary - 1, "pad_token_id": vocabulary - 1}
    vision = tower | {"image_size": SIZE, "patch_size": 4}
    return CLIPConfig(text_config=text, vision_config=vision, projection_dim=PROJECTION)


def processor():
    return CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE})


def save_configs(folder, config):
    config.save_pretrained(folder)
    processor().save_pretrained(folder)


def shake(model):
    """Fresh CLIPs give nearly equal embeddings; larger weights tell pictures and texts apart."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 0:
                parameter.add_(torch.randn_like(parameter) * 0.2)
            else:
                parameter.fill_(2.5)
    return model.eval()


def unit(x):
    return x / x.norm(dim=-1, keepdim=True)


def pictures(count):
    y, x = torch.meshgrid(torch.linspace(0, 1, SIZE), torch.linspace(0, 1, SIZE), indexing="ij")
    rows = []
    for i in range(count):
        shape = torch.stack([y ** (i + 1), (x > 0.2 * i).float(), ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.05 * (i + 1)).float()])
        rows.append((shape * 200 + torch.rand(3, SIZE, SIZE) * 55).round().to(torch.uint8))
    return torch.stack(rows)


def head():
    torch.manual_seed(5)
    widths = [PROJECTION, 8, 6, 5, 4, 1]
    layers = []
    for i, (a, b) in enumerate(zip(widths, widths[1:])):
        layers += [torch.nn.Linear(a, b)] + ([torch.nn.Dropout(0.1)] if i < 3 else [])
    return torch.nn.Sequential(*layers).eval()


def open_clip_model(vocabulary):
    tower = {"width": WIDTH, "layers": 2, "heads": 2}
    return open_clip.CLIP(
        embed_dim=PROJECTION, quick_gelu=False,
        vision_cfg=open_clip.CLIPVisionCfg(image_size=SIZE, patch_size=4, width=WIDTH, layers=2, head_width=WIDTH // 2),
        text_cfg=open_clip.CLIPTextCfg(context_length=CONTEXT, vocab_size=vocabulary, **tower))


def colorfulness(picture):
    red, green, blue = picture.astype(np.float64)
    rg, yb = red - green, 0.5 * (red + green) - blue
    return float(np.sqrt(rg.std() ** 2 + yb.std() ** 2) + 0.3 * np.sqrt(rg.mean() ** 2 + yb.mean() ** 2))


def jpeg_kb(picture):
    buffer = io.BytesIO()
    Image.fromarray(picture.transpose(1, 2, 0)).save(buffer, format="JPEG", quality=95)
    return buffer.tell() / 1000


def main():
    torch.set_num_threads(1)
    torch.manual_seed(3)
    folder = OUT / "tiny_clip"
    tokenizer, vocabulary = tokenizer_files(folder)
    config = clip_config(vocabulary)
    model = shake(CLIPModel(config))
    model.save_pretrained(folder)
    save_configs(folder, config)

    bytes_ = pictures(len(PROMPTS))
    pixels = torch.cat([processor()(p, return_tensors="pt", input_data_format="channels_first")["pixel_values"]
                        for p in bytes_])
    ids = tokenizer(PROMPTS, padding="max_length", truncation=True, max_length=CONTEXT, return_tensors="pt").input_ids
    with torch.no_grad():
        out = model(input_ids=ids, pixel_values=pixels)
        images, texts = unit(out.image_embeds), unit(out.text_embeds)
        cosine = (images * texts).sum(-1)
        pick = model.logit_scale.exp() * cosine / 26
        mlp = head()
        aesthetic = mlp(images).squeeze(1)
        safetensors.torch.save_file({f"layers.{k}": v.contiguous() for k, v in mlp.state_dict().items()},
                                    str(OUT / "aesthetic_head.safetensors"))

        torch.manual_seed(4)
        other = shake(open_clip_model(vocabulary))
        other_folder = OUT / "tiny_open_clip"
        tokenizer_files(other_folder)
        save_configs(other_folder, config)
        state = {k: v.contiguous() for k, v in other.state_dict().items()}
        safetensors.torch.save_file(state, str(other_folder / "model.safetensors"))
        hps = (other.encode_image(pixels, normalize=True) * other.encode_text(ids, normalize=True)).sum(-1)

    arrays = bytes_.numpy()
    large = np.kron(arrays, np.ones((1, 1, 9, 7), dtype=np.uint8))  # sizes that are no multiple of a JPEG block
    expected = {"prompts": PROMPTS, "clip_score": cosine.tolist(), "pickscore": pick.tolist(),
                "aesthetic": aesthetic.tolist(), "hps": hps.tolist(),
                "jpeg_kb": [jpeg_kb(p) for p in arrays], "jpeg_kb_large": [jpeg_kb(p) for p in large],
                "colorfulness": [colorfulness(p) for p in arrays]}
    (OUT / "clip_rewards.json").write_text(json.dumps(expected, indent=1) + "\n")
    safetensors.torch.save_file({"pictures": bytes_}, str(OUT / "clip_rewards.safetensors"))
    print(json.dumps(expected, indent=1))


if __name__ == "__main__":
    main()

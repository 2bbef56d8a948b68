# SPDX-License-Identifier: Apache-2.0
"""Golden fixtures of CLIP: transformers' CLIPModel and both of its image processors.

    python tests/generators/clip_model.py          # needs torch, torchvision, transformers, pillow, safetensors

Writes tests/models/fixtures/clip_model_*.json + .safetensors (as networks.py does: weights from a hash of name and
index) and clip_pixels.json + .safetensors: pictures of several sizes, what CLIPImageProcessor (torchvision) and
CLIPImageProcessorPil make of them.

Made with torch 2.13, torchvision 0.28, transformers 5.23, pillow 13, fp32, one thread.
"""

import networks
import torch
import transformers
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

IDS = torch.tensor([[97, 5, 6, 7, 98, 98, 98, 98], [97, 98, 98, 98, 98, 98, 98, 98], [97, 1, 50, 3, 9, 12, 3, 98]])


def fill(model):
    """As networks.fill; the class token's vector is no norm's weight."""
    rows = networks.fill(model)
    name = "vision_model.embeddings.class_embedding"
    rows[name] = [rows[name][0], 0.0, 1.0]
    parameters = dict(model.named_parameters())
    values = networks.hashed(name, parameters[name].numel())
    parameters[name].data = torch.from_numpy(values.astype("float32"))
    rows["logit_scale"] = [[], 2.0, 0.5]
    parameters["logit_scale"].data = torch.tensor(2.0 + 0.5 * networks.hashed("logit_scale", 1)[0], dtype=torch.float32)
    return rows


def tower(act, **more):
    return {"hidden_size": 32, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 4,
            "hidden_act": act} | more


def model_case(case, about, act, text, vision, projection):
    text = tower(act, vocab_size=99, max_position_embeddings=10, bos_token_id=97, pad_token_id=98, **text)
    config = {"text_config": text, "vision_config": tower(act, **vision), "projection_dim": projection}
    torch.manual_seed(17)
    model = CLIPModel(CLIPConfig(**config)).eval()
    rows = fill(model)
    size = vision["image_size"]
    pixels = torch.randn(3, 3, size, size)
    out = model(input_ids=IDS, pixel_values=pixels)
    tensors = {"ids": IDS, "pixels": pixels, "image_embeds": out.image_embeds, "text_embeds": out.text_embeds,
               "logits_per_image": out.logits_per_image}
    loss = model(input_ids=IDS, pixel_values=pixels, return_loss=True).loss
    tensors["loss"] = loss
    tensors.update(networks.gradients(model, loss, ["visual_projection.weight",
                                                    "vision_model.embeddings.class_embedding"]))
    networks.write(case, about, config, rows, tensors, "clip_model.py")


def pictures(height, width):
    """Edges, a slope and noise, 8 bits."""
    torch.manual_seed(height * 100 + width)
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    shape = torch.stack([y, (x > 0.5).float(), ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1).float()])
    return (shape * 200 + torch.rand(3, height, width) * 55).round().to(torch.uint8)


def pixel_cases():
    config = {"size": {"shortest_edge": 24}, "crop_size": {"height": 24, "width": 24}}
    tensors = {}
    for height, width in ((24, 24), (32, 32), (40, 28), (64, 48), (16, 21)):
        picture, name = pictures(height, width), f"{height}x{width}"
        tensors[f"picture.{name}"] = picture
        for backend, processor in (("torchvision", CLIPImageProcessor), ("pil", CLIPImageProcessorPil)):
            out = processor(**config)(picture, return_tensors="pt", input_data_format="channels_first")
            tensors[f"{backend}.{name}"] = out["pixel_values"][0]
    networks.write("clip_pixels", "8-bit pictures and what both processors make of them",
                   CLIPImageProcessor(**config).to_dict(), {}, tensors, "clip_model.py")


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    model_case("clip_model_quick_gelu", "OpenAI's structure at small width", "quick_gelu", {"eos_token_id": 98},
               {"image_size": 32, "patch_size": 4}, 32)
    model_case("clip_model_gelu", "OpenCLIP's: GELU, the legacy end token, projection of another width", "gelu",
               {"eos_token_id": 2}, {"image_size": 24, "patch_size": 8, "hidden_size": 48, "num_hidden_layers": 3}, 20)
    pixel_cases()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ImageReward (arXiv 2304.05977) as a reward server for gamut, by transformers' BLIP.

    pip install torch transformers pillow safetensors
    hf download THUDM/ImageReward ImageReward.pt --local-dir image-reward
    hf download google-bert/bert-base-uncased vocab.txt tokenizer_config.json --local-dir bert
    python3 examples/reward_server/image_reward_server.py --weights image-reward/ImageReward.pt --tokenizer bert --device cuda
    gamut train RECIPE --set reward.kind=remote --set reward.remote.url=http://127.0.0.1:8000

A picture's number does not depend on the others, and has mean 0 and deviation 1 over the pictures that the model was made with. The
network is built from the weights' shapes, with heads of 64; the file is read with weights_only=True, so that no code in it runs.
"""
import argparse
import io

import torch
from PIL import Image
from reward_server import add_flags, serve
from safetensors.torch import load_file
from transformers import BertTokenizer, BlipTextConfig, BlipVisionConfig, BlipVisionModel
from transformers.models.blip.modeling_blip_text import BlipTextModel

TOKENS = 35
MEAN, STD = 0.16717362830052426, 1.0333394966054072  # of the published model's raw rewards
PIXEL_MEAN, PIXEL_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# The published names of the vision tower and transformers'.
VISION = {"cls_token": "embeddings.class_embedding", "pos_embed": "embeddings.position_embedding",
          "patch_embed.proj.": "embeddings.patch_embedding.", "blocks.": "encoder.layers.", ".attn.qkv.": ".self_attn.qkv.",
          ".attn.proj.": ".self_attn.projection.", ".norm1.": ".layer_norm1.", ".norm2.": ".layer_norm2.",
          "norm.": "post_layernorm."}


def vision_name(name):
    for old, new in VISION.items():
        if old == "norm." and not name.startswith(old):
            continue
        name = name.replace(old, new)
    return name


def below(state, prefix):
    return {name[len(prefix):]: tensor.float() for name, tensor in state.items() if name.startswith(prefix)}


def depth(state, prefix):
    return 1 + max(int(name[len(prefix):].split(".")[0]) for name in state if name.startswith(prefix))


class ImageReward(torch.nn.Module):
    def __init__(self, state, head_width=64):
        super().__init__()
        vision = {vision_name(name): tensor for name, tensor in below(state, "blip.visual_encoder.").items()}
        text = below(state, "blip.text_encoder.")
        width, _, patch, _ = vision["embeddings.patch_embedding.weight"].shape
        self.side = patch * int((vision["embeddings.position_embedding"].shape[1] - 1) ** 0.5)
        self.vision = BlipVisionModel(BlipVisionConfig(
            hidden_size=width, intermediate_size=vision["encoder.layers.0.mlp.fc1.weight"].shape[0], image_size=self.side,
            num_hidden_layers=depth(vision, "encoder.layers."), num_attention_heads=width // head_width, patch_size=patch,
            layer_norm_eps=1e-6, hidden_act="gelu"))
        words, width_text = text["embeddings.word_embeddings.weight"].shape
        self.text = BlipTextModel(BlipTextConfig(
            vocab_size=words, hidden_size=width_text, encoder_hidden_size=width,
            intermediate_size=text["encoder.layer.0.intermediate.dense.weight"].shape[0],
            num_hidden_layers=depth(text, "encoder.layer."), num_attention_heads=width_text // head_width,
            max_position_embeddings=text["embeddings.position_embeddings.weight"].shape[0], layer_norm_eps=1e-12), add_pooling_layer=False)
        self.vision.load_state_dict(vision)
        missing = self.text.load_state_dict(text, strict=False)
        if missing.missing_keys or [name for name in missing.unexpected_keys if not name.endswith("position_ids")]:
            raise ValueError(f"these are no weights of ImageReward's text encoder: {missing}")
        # Straight through: the published head has no activation between its layers.
        weights = sorted((name for name in state if name.startswith("mlp.layers.") and name.endswith("weight")),
                         key=lambda name: int(name.split(".")[2]))
        self.head = torch.nn.Sequential(*(torch.nn.Linear(*reversed(state[name].shape)) for name in weights))
        for layer, name in zip(self.head, weights):
            layer.load_state_dict({"weight": state[name], "bias": state[name.replace("weight", "bias")]})
        self.eval().requires_grad_(False)

    def pixels(self, picture):
        """The shortest side to the network's, bicubic, then the middle."""
        scale = self.side / min(picture.size)
        picture = picture.convert("RGB").resize([max(self.side, int(each * scale)) for each in picture.size], Image.BICUBIC)
        left, top = (round((each - self.side) / 2) for each in picture.size)
        picture = picture.crop((left, top, left + self.side, top + self.side))
        values = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(self.side, self.side, 3)
        values = values.permute(2, 0, 1).float() / 255
        return (values - torch.tensor(PIXEL_MEAN).view(3, 1, 1)) / torch.tensor(PIXEL_STD).view(3, 1, 1)

    def forward(self, pixels, ids, mask):
        seen = self.vision(pixels).last_hidden_state
        states = self.text(ids, attention_mask=mask, encoder_hidden_states=seen, is_decoder=False,
                           encoder_attention_mask=torch.ones(seen.shape[:-1], dtype=torch.long, device=seen.device))
        return (self.head(states.last_hidden_state[:, 0].float())[:, 0] - MEAN) / STD


def read_weights(file):
    state = load_file(file) if file.endswith(".safetensors") else torch.load(file, map_location="cpu", weights_only=True)
    return state.get("state_dict", state)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_flags(parser)
    parser.add_argument("--weights", required=True, help="ImageReward.pt, or the same as safetensors")
    parser.add_argument("--tokenizer", required=True, help="folder of bert-base-uncased's tokenizer")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=16, help="pictures at once")
    parser.add_argument("--head-width", type=int, default=64, help=argparse.SUPPRESS)
    options = parser.parse_args()
    model = ImageReward(read_weights(options.weights), options.head_width).to(options.device)
    tokenizer = BertTokenizer.from_pretrained(options.tokenizer)

    def judge(prompts, pngs, known):
        rewards = []
        for begin in range(0, len(pngs), options.batch):
            part = slice(begin, begin + options.batch)
            words = tokenizer(prompts[part], padding="max_length", truncation=True, max_length=TOKENS, return_tensors="pt")
            pixels = torch.stack([model.pixels(Image.open(io.BytesIO(png))) for png in pngs[part]])
            rewards += model(*(each.to(options.device) for each in (pixels, words.input_ids, words.attention_mask))).tolist()
        return rewards

    serve(judge, options)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/reward_server's ImageReward and HPSv3 with tiny random weights: their numbers, and gamut driving them as `remote`.

    python3 tests/interop/model_servers.py --program build/gamut

ImageReward is held to what its package computed (tests/generators/image_reward.py); HPSv3 to transformers' own reading of the
published names, with the head applied to every token as its package does. Exit 77, skipped, without transformers and Pillow.
"""
import argparse
import base64
import importlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVERS = ROOT / "examples/reward_server"
FIXTURE = ROOT / "tests/interop/fixtures/image_reward.safetensors"
sys.path.insert(0, str(SERVERS))
try:
    import torch
    from PIL import Image
    from safetensors.torch import load_file, save_file
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessorPil
except ImportError as missing:
    print(f"skipped: {missing}; name a Python that has torch, transformers and Pillow in GAMUT_TEST_PYTHON")
    sys.exit(77)


def expect(condition, *what):
    if not condition:
        sys.exit(f"model_servers: {' '.join(map(str, what))}")


def pictures():
    generator = torch.Generator().manual_seed(5)
    for size in ((64, 40), (40, 64), (48, 48)):
        values = torch.randint(0, 256, (size[1], size[0], 3), dtype=torch.uint8, generator=generator)
        yield Image.frombytes("RGB", size, bytes(values.flatten().tolist()))


def as_png(picture):
    data = io.BytesIO()
    picture.save(data, "PNG")
    return base64.b64encode(data.getvalue()).decode()


class Server:
    """A server's process, and what it answers."""

    def __init__(self, script, *flags, path=""):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        self.process = subprocess.Popen([sys.executable, SERVERS / script, "--port", "0", *map(str, flags)], stdout=subprocess.PIPE,
                                        text=True, env=environment)

    def __enter__(self):
        line = self.process.stdout.readline()
        expect("reward server on" in line, "a server did not start")
        self.url = line.split()[-1]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def ask(self, prompts, pngs):
        body = json.dumps({"prompt": prompts, "image": pngs}).encode()
        with urllib.request.urlopen(f"{self.url}/compute", data=body, timeout=120) as answer:
            return json.load(answer)["rewards"]


def drive(program, server):
    """gamut eval with the server as reward: every picture has a number."""
    sets = ["reward.kind=remote", f"reward.remote.url={server.url}", "judge.kind=colorfulness", "eval.members=2", "eval.steps=1",
            "eval.features=pixels", 'eval.heldout=""', "eval.report_seed=-1"]
    ran = subprocess.run([program, "eval", "recipes/glyphs/flow_grpo.toml", "--json", *[w for s in sets for w in ("--set", s)]],
                         cwd=ROOT, capture_output=True, text=True, timeout=300, env=os.environ | {"OMP_NUM_THREADS": "1"})
    expect(ran.returncode == 0, ran.stderr)
    row, _ = json.JSONDecoder().raw_decode(ran.stdout.strip())
    row = row[0] if isinstance(row, list) else row
    expect(row["reward_failures"] == 0 and abs(row["reward"]) < 1e3, "unlikely rewards:", row)


def image_reward(program, home):
    module = importlib.import_module("image_reward_server")
    state = load_file(FIXTURE)
    golden = {name.removeprefix("golden."): tensor for name, tensor in state.items() if name.startswith("golden.")}
    model = module.ImageReward(state, head_width=8)
    got = model(golden["pixels"], golden["ids"], golden["mask"])
    expect((got - golden["rewards"]).abs().max() <= 1e-5, "not the package's rewards:", got, golden["rewards"])

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "digit", "letter", "a", "on", "##s", "red"]
    tokenizer = home / "bert"
    tokenizer.mkdir()
    (tokenizer / "vocab.txt").write_text("\n".join(words) + "\n")
    (tokenizer / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True, "model_max_length": 512}))
    with Server("image_reward_server.py", "--weights", FIXTURE, "--tokenizer", tokenizer, "--head-width", 8) as server:
        pngs, prompts = [as_png(each) for each in pictures()], ["the digit", "the red letters", "a digit on red"]
        together = server.ask(prompts, pngs)
        alone = [server.ask([prompt], [png])[0] for prompt, png in zip(prompts, pngs)]
        expect(max(abs(a - b) for a, b in zip(together, alone)) <= 1e-5, "a reward depends on others:", together, alone)
        expect(len(set(together)) == 3, "equal rewards:", together)
        drive(program, server)


CHAT = ("{% for m in messages %}{{ 'user ' }}{% for c in m['content'] %}{% if c['type'] == 'image' %}"
        "{{ '<|vision_start|><|image_pad|><|vision_end|>' }}{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}"
        "{% if add_generation_prompt %}{{ ' assistant' }}{% endif %}")
SPECIAL = ["<|endoftext|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]


def write_base(folder):
    """Configs and tokenizer as a Qwen2-VL folder has them, of a small model."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast
    vocabulary = {word: i for i, word in enumerate(SPECIAL + ["unknown", "user", "assistant", "rate", "this", "picture", "of", "END"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="unknown"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=SPECIAL[0], unk_token="unknown",
                                   additional_special_tokens=SPECIAL[1:])
    fast.chat_template = CHAT
    fast.save_pretrained(folder)
    config = Qwen2VLConfig(
        text_config={"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
                     "num_key_value_heads": 1, "vocab_size": len(vocabulary) + 1, "bos_token_id": None, "eos_token_id": 0,
                     "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}},
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        vision_start_token_id=1, vision_end_token_id=2, image_token_id=3, video_token_id=4)
    config.save_pretrained(folder)
    Qwen2VLImageProcessorPil().save_pretrained(folder)
    return config


def published(config):
    """Random weights under the names of transformers 4, with HPSv3's head."""
    torch.manual_seed(9)
    state = {}
    for name, tensor in Qwen2VLForConditionalGeneration(config).state_dict().items():
        name = name.replace("model.visual.", "visual.").replace("model.language_model.", "model.")
        state[name] = torch.randn(tensor.shape) * (0.3 if tensor.dim() > 1 else 0.1) + (1.0 if "norm" in name and tensor.dim() == 1 else 0)
    for layer, (out, of) in {0: (16, 32), 3: (8, 16), 5: (2, 8)}.items():
        state |= {f"rm_head.{layer}.weight": torch.randn(out, of), f"rm_head.{layer}.bias": torch.randn(out)}
    return state


def by_transformers(folder, state, server, prompts):
    """The rewards by transformers' reading of those names, and the head on every token."""
    old = {name: tensor for name, tensor in state.items() if not name.startswith("rm_head.")}
    save_file(old, folder / "model.safetensors", metadata={"format": "pt"})
    model = Qwen2VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    rewards = []
    for prompt, picture in zip(prompts, pictures()):
        seen = server.images(images=[picture], return_tensors="pt")
        places = seen["pixel_values"].shape[0] // 4  # two by two patches make a token
        text = "user <|vision_start|>" + "<|image_pad|>" * places + f"<|vision_end|>rate this picture of {prompt} <|Reward|> END assistant"
        ids = server.tokenizer(text, return_tensors="pt").input_ids
        with torch.no_grad():
            x = model(input_ids=ids, **seen, mm_token_type_ids=(ids == 3).int(), output_hidden_states=True).hidden_states[-1]
            for layer in (0, 3, 5):
                x = x @ state[f"rm_head.{layer}.weight"].T + state[f"rm_head.{layer}.bias"]
                x = x.clamp_min(0) if layer < 5 else x
        rewards.append(x[ids == server.tokenizer.convert_tokens_to_ids("<|Reward|>")][0, 0].item())
    return rewards


def hpsv3(program, home):
    base, weights, package = home / "base", home / "HPSv3.safetensors", home / "packages/hpsv3/dataset"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").write_text("raise RuntimeError('nothing of the package should run')\n")
    (package / "data_collator_qwen.py").write_text(
        'import pandas_that_is_not_there\nINSTRUCTION = "rate this picture of {text_prompt} "\nprompt_with_special_token = "<|Reward|> END"\n')
    sys.path.insert(0, str(home / "packages"))
    module = importlib.import_module("hpsv3_server")
    module.PIXELS = 28 * 28 * 4
    config = write_base(base)
    state = published(config)
    save_file(state, weights)
    model = module.HPSv3(load_file(weights), base, dtype=torch.float32)
    prompts = ["this", "rate", "user user"]
    got = [model(prompt, picture) for prompt, picture in zip(prompts, pictures())]
    wanted = by_transformers(base, state, model, prompts)
    expect(max(abs(a - b) for a, b in zip(got, wanted)) <= 1e-4, "not transformers' numbers:", got, wanted)
    expect(len(set(got)) == 3, "equal rewards:", got)
    with Server("hpsv3_server.py", "--weights", weights, "--base", base, "--dtype", "float32", path=str(home / "packages")) as server:
        drive(program, server)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=str(ROOT / "build/gamut"))
    program = os.path.abspath(parser.parse_args().program)
    with tempfile.TemporaryDirectory() as folder:
        image_reward(program, pathlib.Path(folder))
        hpsv3(program, pathlib.Path(folder))


main()

# SPDX-License-Identifier: Apache-2.0
"""What a typed program writes, for mypy --strict (types_test.py); it is never run. A line that mypy must refuse says so."""
from typing import Any, Optional

import gamut
import numpy
import torch


def reward(pictures: torch.Tensor, prompts: list[gamut.Prompt]) -> torch.Tensor:
    return pictures.mean((1, 2, 3)) * len(prompts[0].text)


def judge(pictures: torch.Tensor, prompts: list[gamut.Prompt]) -> list[Optional[float]]:
    return [None if prompt.target == "" else float(prompt.metadata["weight"]) for prompt in prompts]


def wrong_reward(pictures: torch.Tensor) -> str:
    return str(pictures)


def train() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    try:
        gamut.train("recipe.toml", set={"iterations": 20}, reward=reward, judge=judge, run="runs/mine", resume=False,
                    on_step=print)
    except (gamut.ConfigError, gamut.NumericalError) as error:
        print(error)
    gamut.train("recipe.toml", reward=wrong_reward)  # type: ignore[arg-type]
    gamut.train("recipe.toml", steps=3)  # type: ignore[call-arg]
    return gamut.read_run("runs/mine")


def measure(features: torch.Tensor, array: "numpy.ndarray[Any, Any]") -> float:
    pictures: torch.Tensor = gamut.Model("models/glyphs", lora=["a.safetensors:0.5"]).sample(["K"], n=2, steps=4, guidance=1.5)
    gamut.save_sheet(pictures, "sheet.png")
    labels: list[int] = gamut.diversity.clusters(features, clusters=3)
    bonus: list[float] = gamut.credit.cluster_bonus(labels=labels)
    shaped = gamut.credit.pairwise_potential(bonus, features=array, weight=0.5)
    one: list[float] = gamut.credit.advantages(shaped)
    several: list[list[float]] = gamut.credit.advantages([shaped, bonus], kind="group")
    kept: list[int] = gamut.credit.subset(one, keep=4)
    gamut.diversity.vendi("features")  # type: ignore[arg-type]
    gamut.diversity.nothing(features)  # type: ignore[attr-defined]
    hits: float = gamut.diversity.recall(features, array)["hits"]
    return gamut.diversity.vendi(features, q=2) + gamut.diversity.pairwise(array) + hits + several[0][kept[0]]

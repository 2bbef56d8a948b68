# SPDX-License-Identifier: Apache-2.0
"""Golden fixtures of the reward `brisque`, by OpenCV's own implementation.

    python tests/generators/brisque.py /usr/share/opencv4/quality    # opencv-contrib-python-headless, numpy, safetensors

Writes below tests/rewards/fixtures/brisque/:

  pictures.safetensors   synthetic 8-bit RGB pictures [H, W, 3]: noise, gradients, blurred noise, a glyph, odd sizes
  range.yml, model.yml, model.safetensors
                         a range and a small support-vector regression in the form of OpenCV's published files; its
                         targets are random, so its scores mean nothing
                         the last is made of the others by scripts/convert_brisque.py
  expected.json          features (computeFeatures) and scores (compute) of each picture; also the scores by the model of
                         the LIVE database, whose files (Debian's opencv-data) are in the named folder and stay there

OpenCV runs without its optimizations: with them the order of sums depends on the processor, and areas of one color, whose
normalized pixels are rounding alone, score otherwise. The scores of both are printed.

Made with opencv-contrib-python-headless 5.0.0, numpy 2.4, one thread.
"""
import json
import pathlib
import subprocess
import sys

import cv2
import numpy as np
from safetensors.numpy import save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/rewards/fixtures/brisque"


def bgr(picture):
    return np.ascontiguousarray(picture[..., ::-1])


def noisy(picture, deviation, rng):
    return (picture + rng.normal(0, deviation, picture.shape)).clip(0, 255).astype(np.uint8)


def blurred(height, width, sigma, rng):
    field = cv2.GaussianBlur(rng.random((height, width, 3)), (0, 0), sigma)
    return ((field - field.min()) / (field.max() - field.min()) * 255).astype(np.uint8)


def gradient(height, width):
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 4, y * 5, 255 - x * 4], -1).clip(0, 255).astype(np.uint8)


def glyph():
    picture = np.full((32, 32, 3), (200, 220, 255), np.uint8)
    cv2.putText(picture, "K", (6, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (120, 20, 10), 2, cv2.LINE_AA)
    return picture


def pictures(rng):
    return {
        "noise": rng.integers(0, 256, (40, 40, 3)).astype(np.uint8),
        "noise of odd sizes": rng.integers(0, 256, (47, 33, 3)).astype(np.uint8),
        "smallest": rng.integers(0, 256, (14, 15, 3)).astype(np.uint8),
        "blurred noise": blurred(65, 48, 2, rng),
        "gradient": gradient(48, 64),
        "gradient with noise": noisy(gradient(40, 50), 8, rng),
        "glyph": glyph(),
        "glyph with noise": noisy(glyph(), 4, rng),
    }


def features_of(picture):
    return cv2.quality.QualityBRISQUE_computeFeatures(bgr(picture))[0]


def write_model(rng):
    """As OpenCV's trainer samples/brisque_trainer_livedb.cpp, on pictures of its own."""
    examples = [noisy(blurred(48, 48, sigma, rng), deviation, rng)
                for sigma in (0.5, 1, 2, 4) for deviation in (0, 2, 8, 30)]
    table = np.stack([features_of(example) for example in examples])
    least, largest = table.min(0), table.max(0)
    file = cv2.FileStorage(str(OUT / "range.yml"), cv2.FILE_STORAGE_WRITE)
    file.write("range", np.stack([least, largest]))
    file.release()
    scaled = (-1 + 2 * (table - least) / (largest - least)).astype(np.float32)
    targets = rng.uniform(10, 90, len(examples)).astype(np.float32)
    svm = cv2.ml.SVM_create()
    svm.setType(cv2.ml.SVM_EPS_SVR)
    svm.setKernel(cv2.ml.SVM_RBF)
    svm.setGamma(0.05)
    svm.setC(1024)
    svm.setP(0.1)
    svm.setTermCriteria((cv2.TERM_CRITERIA_EPS, 0, 1e-3))
    svm.train(scaled, cv2.ml.ROW_SAMPLE, targets)
    svm.save(str(OUT / "model.yml"))
    subprocess.run([sys.executable, ROOT / "scripts/convert_brisque.py", OUT / "model.yml", OUT / "range.yml",
                    OUT / "model.safetensors"], check=True)


def score_of(picture, model, range_):
    return float(cv2.quality.QualityBRISQUE_compute(bgr(picture), str(model), str(range_))[0])


def main():
    cv2.setNumThreads(1)
    cv2.setUseOptimized(False)
    cv2.ipp.setUseIPP(False)
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(9)
    write_model(rng)
    made = pictures(rng)
    save_file({name: np.ascontiguousarray(picture) for name, picture in made.items()}, str(OUT / "pictures.safetensors"))
    own = OUT / "model.yml", OUT / "range.yml"
    live = [pathlib.Path(sys.argv[1]) / f"brisque_{part}_live.yml" for part in ("model", "range")]
    expected = {name: {"features": [float(v) for v in features_of(picture)], "score": score_of(picture, *own),
                       "live_score": score_of(picture, *live)} for name, picture in made.items()}
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    cv2.setUseOptimized(True)
    cv2.ipp.setUseIPP(True)
    for name, picture in made.items():
        print(f"{name:20s} {expected[name]['score']:8.4f} {expected[name]['live_score']:8.4f}; with OpenCV's optimizations "
              f"{score_of(picture, *own):8.4f} {score_of(picture, *live):8.4f}")


if __name__ == "__main__":
    main()

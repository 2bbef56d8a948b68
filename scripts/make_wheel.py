#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packs the built program as a Python wheel, whose command `gamut` runs with the LibTorch of the torch beside it.

    python3 scripts/make_wheel.py [--build build] [--out dist]

Inside: the program, recipes and models, Tesseract's English data, and the system's libraries that the program is linked
with, except the C and C++ runtimes and LibTorch. Each carries its RUNPATH, so the wheel needs no installation of its own.
Wants patchelf, readelf and Debian's dpkg.
"""
import argparse
import base64
import hashlib
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
# The runtimes of C, C++ and OpenMP are the system's or torch's; two of one kind in a process do not get on.
OUTSIDE = re.compile(r"^(linux-vdso|ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|nsl|stdc\+\+|gcc_s|gomp|c10|torch.*|shm))\.so")
TESSDATA = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata")


def fail(message):
    sys.exit(f"error: [wheel] {message}")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def built_with(build):
    """(gamut's version, LibTorch's version) of a build folder."""
    config, version = build / "gamutConfig.cmake", build / "gamutConfigVersion.cmake"
    if not config.exists() or not (build / "gamut").exists():
        fail(f"'{build}' holds no built program; run make build")
    torch = re.search(r'GAMUT_LIBTORCH_VERSION "?([0-9.]+)', config.read_text()).group(1)
    return re.search(r'PACKAGE_VERSION "([0-9.]+)"', version.read_text()).group(1), torch


def needed_by(file):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "--wide", "--dynamic", str(file)))


def linked_libraries(program):
    """Files of the system's libraries that the program loads, those of libraries included; what LibTorch loads is its own affair."""
    found = dict(re.findall(r"^\s*(\S+) => (\S+)", output("ldd", str(program)), re.MULTILINE))
    libraries, files = {}, [program]
    while files:
        for name in needed_by(files.pop()):
            if OUTSIDE.match(name) or name in libraries:
                continue
            if found.get(name, "not") == "not":
                fail(f"{program} needs {name}, which was not found")
            libraries[name] = pathlib.Path(found[name])
            files.append(libraries[name])
    return libraries


def bundle(program, package):
    """Copies the program and its libraries; each looks for its own beside it."""
    (package / "bin").mkdir()
    (package / "lib").mkdir()
    for name, file in linked_libraries(program).items():
        copy = package / "lib" / name
        shutil.copy(file.resolve(), copy)
        copy.chmod(0o755)
        output("patchelf", "--set-rpath", "$ORIGIN", str(copy))
        copy_license(file, package)
    copy = package / "bin/gamut"
    shutil.copy(program, copy)
    output("patchelf", "--set-rpath", "$ORIGIN/../../torch/lib:$ORIGIN/../lib", str(copy))
    output("strip", "--strip-unneeded", str(copy))


def copy_license(file, package):
    """The copyright file of the Debian package that a library came from."""
    for path in (file, file.resolve(), pathlib.Path("/usr") / str(file).lstrip("/")):
        found = subprocess.run(["dpkg-query", "-S", str(path)], capture_output=True, text=True)
        if found.returncode == 0:
            name = found.stdout.split(":")[0]
            text = pathlib.Path("/usr/share/doc") / name / "copyright"
            if text.exists():
                target = package / "share/gamut/licenses"
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(text, target / f"{name}.txt")
            return


def add_module(build, package):
    """The Python package and, where it was built, its compiled part; returns the wheel's Python and ABI tags."""
    for file in sorted((ROOT / "python/gamut").iterdir()):
        if file.is_file():
            shutil.copy(file, package)
    modules = sorted((build / "python/gamut").glob("_gamut.*.so"))
    if not modules:
        print("note: the Python module was not built and is left out; the command alone is packed", file=sys.stderr)
        return "py3-none"
    copy = package / modules[0].name
    shutil.copy(modules[0], copy)
    for name, file in linked_libraries(copy).items():
        if not (package / "lib" / name).exists():
            fail(f"the module needs {file}, which the program does not")
    output("patchelf", "--set-rpath", "$ORIGIN/../torch/lib:$ORIGIN/lib", str(copy))
    output("strip", "--strip-unneeded", str(copy))
    version = re.search(r"cpython-(\d+)", copy.name).group(1)
    return f"cp{version}-cp{version}"


def copy_data(build, package):
    share = package / "share/gamut"
    share.mkdir(parents=True, exist_ok=True)
    for folder in ("recipes", "models"):
        shutil.copytree(ROOT / folder, share / folder)
    for file in (ROOT / "LICENSE", ROOT / "NOTICE", build / "fonts.tsv"):
        shutil.copy(file, share)
    for pattern in TESSDATA:
        for folder in sorted(pathlib.Path("/").glob(pattern.lstrip("/"))):
            if (folder / "eng.traineddata").exists():
                (share / "tessdata").mkdir(exist_ok=True)
                shutil.copy(folder / "eng.traineddata", share / "tessdata")


def write_info(folder, version, torch, tag):
    folder.mkdir()
    (folder / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: gamut\n"
        f"Version: {version}\nSummary: RL fine-tuning of diffusion and flow image models that keeps their variety\n"
        f"License: Apache-2.0\nRequires-Python: >=3.8\nRequires-Dist: torch>=2.11\n\n"
        f"Built with LibTorch {torch}.\n")
    (folder / "WHEEL").write_text(f"Wheel-Version: 1.0\nGenerator: gamut\nRoot-Is-Purelib: false\nTag: {tag}\n")
    (folder / "entry_points.txt").write_text("[console_scripts]\ngamut = gamut._command:main\n")


def digest(data):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def pack(stage, info, wheel):
    record = ""
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in stage.rglob("*") if path.is_file()):
            name, data = file.relative_to(stage).as_posix(), file.read_bytes()
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if os.access(file, os.X_OK) else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
            record += f"{name},{digest(data)},{len(data)}\n"
        archive.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    arguments.add_argument("--out", type=pathlib.Path, default=ROOT / "dist")
    flags = arguments.parse_args()
    if shutil.which("patchelf") is None:
        fail("patchelf was not found; run: apt-get install patchelf")
    version, torch = built_with(flags.build)
    info = f"gamut-{version}.dist-info"
    with tempfile.TemporaryDirectory() as folder:
        stage = pathlib.Path(folder)
        package = stage / "gamut"
        package.mkdir()
        bundle(flags.build / "gamut", package)
        copy_data(flags.build, package)
        tag = f"{add_module(flags.build, package)}-linux_{platform.machine()}"
        launcher = package / "_command.py"
        launcher.write_text(launcher.read_text().replace("@TORCH@", torch))
        write_info(stage / info, version, torch, tag)
        flags.out.mkdir(parents=True, exist_ok=True)
        wheel = flags.out / f"gamut-{version}-{tag}.whl"
        pack(stage, info, wheel)
    print(f"{wheel}: {wheel.stat().st_size / 1e6:.1f} MB, for torch {torch.rsplit('.', 1)[0]}")


if __name__ == "__main__":
    main()

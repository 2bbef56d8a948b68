#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds includes and link lines to the order of the rooms (docs/architecture.md); else exit 1 with file:line.

A room may include and link only rooms before it, and include only what its CMake file reaches through DEPS.
The first three stay free of LibTorch; fmt and spdlog are included by core's sources alone.
"""
import pathlib
import re
import sys

ROOMS = "core io text comm nn models diffusion diversity rewards algorithms train eval tasks run cli python".split()
TORCH_FREE = ROOMS[:3]
SOURCE = pathlib.Path((sys.argv + [pathlib.Path(__file__).resolve().parents[1]])[1]) / "src/gamut"
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
WORD = re.compile(r"[A-Za-z_0-9:]+")


def links(room):
    """(line, word) of everything after DEPS in the room's CMake file, and whether it asks for LibTorch."""
    path, inside, found, torch = SOURCE / room / "CMakeLists.txt", False, [], None
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
        for word in WORD.findall(line.split("#")[0]):
            torch = number if word == "TORCH" else torch
            inside = word == "DEPS" if word.isupper() else inside
            if inside and word in ROOMS:
                found.append((number, word))
    return found, torch


def reachable(room, graph):
    lower = [name for _, name in graph[room][0] if ROOMS.index(name) < ROOMS.index(room)]
    return {room}.union(*(reachable(name, graph) for name in lower))


def check_cmake(room, graph):
    path, (found, torch) = SOURCE / room / "CMakeLists.txt", graph[room]
    for number, name in found:
        if ROOMS.index(name) >= ROOMS.index(room):
            yield path, number, f"room '{room}' links '{name}', which does not stand above it"
    if torch and room in TORCH_FREE:
        yield path, torch, f"room '{room}' must stay free of LibTorch"


def check_include(room, target, allowed, is_source):
    first, _, rest = target.partition("/")
    if room in TORCH_FREE and first.lower() in ("aten", "torch", "c10"):
        return f"room '{room}' must stay free of LibTorch; includes <{target}>"
    if first in ("fmt", "spdlog") and not (room == "core" and is_source):
        return f"includes <{target}>, which clashes with LibTorch; use gamut::cat and core/log.h"
    name = rest.partition("/")[0]
    if first != "gamut" or name in allowed:
        return None
    if name not in ROOMS:
        return f"includes '{target}', which is in no room"
    if ROOMS.index(name) > ROOMS.index(room):
        return f"room '{room}' includes '{target}', which does not stand above it"
    return f"room '{room}' includes '{target}', but its DEPS do not reach '{name}'"


def check_sources(room, graph):
    allowed = reachable(room, graph)
    for path in sorted((SOURCE / room).rglob("*")):
        if path.suffix in (".h", ".cpp"):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                problem = match and check_include(room, match.group(1), allowed, path.suffix == ".cpp")
                if problem:
                    yield path, number, problem


def main():
    graph = {room: links(room) for room in ROOMS}
    problems = [p for room in ROOMS for p in [*check_cmake(room, graph), *check_sources(room, graph)]]
    for path, line, problem in problems:
        print(f"{path.relative_to(SOURCE.parents[1])}:{line}: {problem}")
    sys.exit(1 if problems else 0)


main()

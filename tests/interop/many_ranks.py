#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs on several processes as users start them: by torchrun, and by the variables alone.

    many_ranks.py --program build/gamut --torchrun .venv/bin/torchrun CASE

Exit code 77 where there is no torchrun that works: a CUDA build of torch without NVIDIA's libraries has one that Python cannot load.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT = 5  # seconds of comm.timeout

parser = argparse.ArgumentParser()
parser.add_argument("--program", required=True)
parser.add_argument("--torchrun", default="")
parser.add_argument("case")
arguments = parser.parse_args()
arguments.program = str(pathlib.Path(arguments.program).resolve())
torchrun = arguments.torchrun if os.path.exists(arguments.torchrun) else shutil.which("torchrun")

folder = pathlib.Path(tempfile.mkdtemp(prefix="gamut-ranks-"))
environment = {**os.environ, "OMP_NUM_THREADS": "1"}


def write_recipe(name="micro.toml", iterations=4, model=SOURCE / "tests/cli/fixtures/tiny"):
    prompts = folder / "prompts.jsonl"
    prompts.write_text("".join(json.dumps({"prompt": f"the letter {letter}", "target": letter}) + "\n" for letter in "KAX"))
    reader = f'kind = "reader"\nmodel = "{SOURCE}/models/glyphs-reader"\n'
    (folder / name).write_text(
        f'model = "{model}"\niterations = {iterations}\n[rollout]\nprompts = "{prompts}"\n'
        "prompts_per_iteration = 2\ngroup_size = 4\nmicro_batch = 8\n[sampler]\nsteps = 4\n"
        '[schedule]\nkind = "random"\ncount = 2\n[optimizer]\nlearning_rate = 2e-4\n'
        "[eval]\nevery = 2\nmembers = 2\nsteps = 2\nreport_seed = -1\nmicro_batch = 8\n[checkpoint]\nevery = 2\n"
        f"[comm]\ntimeout = {TIMEOUT}\n[ema]\nevery = 1\n[reward]\n{reader}[judge]\n{reader}")
    return folder / name


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def by_torchrun(processes, *command, more=()):
    return [torchrun, "--no-python", "--nnodes", "1", "--nproc-per-node", str(processes), "--rdzv-backend", "c10d",
            "--rdzv-endpoint", "127.0.0.1:0", *more, "--", arguments.program, *map(str, command)]


class Ranks:
    """Processes that were started one by one, with the variables that a launcher sets."""

    def __init__(self, commands, more=None):
        port = free_port()
        self.processes = []
        for rank, command in enumerate(commands):
            variables = {**environment, "RANK": str(rank), "WORLD_SIZE": str(len(commands)), "LOCAL_RANK": str(rank),
                         "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), **(more or {})}
            self.processes.append(subprocess.Popen([arguments.program, *map(str, command)], env=variables,
                                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))

    def wait(self, seconds=120):
        """(exit code, stdout, stderr) by rank; kills who is late."""
        ends = []
        limit = time.time() + seconds
        for process in self.processes:
            try:
                out, err = process.communicate(timeout=max(0.1, limit - time.time()))
            except subprocess.TimeoutExpired:
                process.kill()
                out, err = process.communicate()
            ends.append((process.returncode, out, err))
        return ends


def rows(run, name="metrics.jsonl"):
    path = folder / run / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(what, seconds=60):
    limit = time.time() + seconds
    while not what():
        assert time.time() < limit, "waited in vain"
        time.sleep(0.02)


def near(one, two, tolerance=1e-4):
    return abs(one - two) <= tolerance * max(abs(one), abs(two), 1e-3)


def expect(condition, *told):
    assert condition, told


def expect_same_run(one, two):
    for name, keys in {"metrics.jsonl": ("reward_mean", "grad_norm", "trained_images", "images"),
                       "evals.jsonl": ("reward", "judge", "step", "set")}.items():
        first, second = rows(one, name), rows(two, name)
        expect(len(first) == len(second) > 0, name, len(first), len(second))
        for a, b in zip(first, second):
            for key in keys:
                if key in a:
                    same = near(a[key], b[key]) if isinstance(a[key], float) else a[key] == b[key]
                    expect(same, name, a["step"], key, a[key], b[key])


def plain():
    """torchrun on two ranks gives what one process gives, one folder, one table."""
    recipe = write_recipe()
    one = subprocess.run([arguments.program, "train", recipe, "--run", folder / "one"], env=environment,
                         capture_output=True, text=True)
    expect(one.returncode == 0, one.stderr)
    two = subprocess.run(by_torchrun(2, "train", recipe, "--run", folder / "two"), env=environment,
                         capture_output=True, text=True)
    expect(two.returncode == 0, two.stderr)
    expect_same_run("one", "two")
    expect(two.stdout.count("before") == one.stdout.count("before"), two.stdout)
    names = [sorted(p.name.split("events")[0] for p in (folder / run).iterdir()) for run in ("one", "two")]
    expect(names[0] == names[1], names)
    expect((folder / "two/model/model_index.json").exists())
    expect("2 processes" in two.stderr, two.stderr)
    doctor = subprocess.run(by_torchrun(2, "doctor"), env=environment, capture_output=True, text=True)
    for word in ("group: 2 processes", "rank 0 (", "rank 1 (", "sum of   1 MiB", "sum of  64 MiB"):
        expect(word in doctor.stdout, word, doctor.stdout, doctor.stderr)


def train(run, recipe=None, *more):
    return ["train", recipe or write_recipe(iterations=2000), "--run", folder / run, "--set", "eval.every=5000", *more]


def checkpoint_is_whole(run):
    """It resumes on one process."""
    recipe = folder / run / "config.toml"
    last = max((int(path.parent.name[5:]) for path in (folder / run).glob("checkpoints/step_*/DONE")), default=0)
    done = subprocess.run([arguments.program, "train", recipe, "--run", folder / run, "--resume", "--set",
                           f"iterations={last + 1}"], env=environment, capture_output=True, text=True)
    expect(done.returncode == 0, done.stderr)
    expect(last > 0)


def lost(kill, size, how):
    """The others end within the timeout, naming the rank and what it did."""
    name = f"{kill}-{size}"
    ranks = Ranks([train(name)] * size)
    wait_for(lambda: len(rows(name)) >= 5)
    begun = time.time()
    os.kill(ranks.processes[size - 1].pid, kill)
    ends = ranks.wait(TIMEOUT + 15) if kill != signal.SIGSTOP else [
        (p.wait(TIMEOUT + 15), *(s.read() for s in (p.stdout, p.stderr))) for p in ranks.processes[:-1]]
    expect(time.time() - begun < TIMEOUT + 10, time.time() - begun)
    if kill == signal.SIGSTOP:
        ranks.processes[-1].kill()
        ranks.processes[-1].communicate()
    for code, _, err in ends[:size - 1]:
        expect(code == 4, code, err)
        line = err.strip().splitlines()[-1]
        expect(f"rank {size - 1} (" in line and "of iteration" in line and how in line, line)
    checkpoint_is_whole(name)


def faults():
    lost(signal.SIGKILL, 2, "has ended or hangs")
    lost(signal.SIGSTOP, 3, "has ended or hangs")


def differing():
    """Nothing begins where the processes are about to do different things."""
    recipe = write_recipe()
    ranks = Ranks([train("seeds", recipe), train("seeds", recipe, "--set", "seed=7")])
    for code, _, err in ranks.wait(60):
        expect(code == 4 and "seed = 7" in err and "seed = 1" in err, code, err)
    expect(not (folder / "seeds").exists())
    shutil.copytree(SOURCE / "tests/cli/fixtures/tiny", folder / "other")
    weights = next((folder / "other/unet").glob("*.safetensors"))
    data = weights.read_bytes()
    weights.write_bytes(data[:8] + data[8:].replace(b'"F32"', b'"F64"', 1))
    # The same recipe to the letter, by a path that leads each process elsewhere.
    (folder / "a").mkdir(), (folder / "b").mkdir()
    (folder / "a/model").symlink_to(SOURCE / "tests/cli/fixtures/tiny")
    (folder / "b/model").symlink_to(folder / "other")
    recipe = write_recipe(model="/proc/self/cwd/model")
    ranks = Ranks([[]] * 0)
    port = free_port()
    for rank, place in enumerate("ab"):
        variables = {**environment, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1",
                     "MASTER_PORT": str(port)}
        ranks.processes.append(subprocess.Popen([arguments.program, *map(str, train("files", recipe))], env=variables,
                                                cwd=folder / place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    for code, _, err in ranks.wait(60):
        expect(code == 4 and "unet/" in err and "header" in err, code, err)


def stopping():
    """Ctrl-C on one rank stops all with one checkpoint, from which another number of ranks goes on."""
    ranks = Ranks([train("stopped")] * 2)
    wait_for(lambda: len(rows("stopped")) >= 3)
    os.kill(ranks.processes[1].pid, signal.SIGINT)
    for code, _, err in ranks.wait(60):
        expect(code == 130, code, err)
    steps = len(rows("stopped"))
    expect(max(int(p.parent.name[5:]) for p in (folder / "stopped").glob("checkpoints/step_*/DONE")) == steps)
    more = Ranks([train("stopped", None, "--resume", "--set", f"iterations={steps + 2}")] * 3)
    for code, _, err in more.wait(60):
        expect(code == 0, code, err)
    expect([row["step"] for row in rows("stopped")] == list(range(1, steps + 3)))


def full_disk():
    """What rank 0 cannot write ends all."""
    recipe = write_recipe(iterations=2000)
    port = free_port()
    # A size limit stands for a full disk: rank 0's files alone have it.
    ranks = Ranks([[]] * 0)
    for rank in range(2):
        variables = {**environment, "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1",
                     "MASTER_PORT": str(port)}
        limit = "ulimit -f 64; " if rank == 0 else ""
        ranks.processes.append(subprocess.Popen(
            ["bash", "-c", limit + 'exec "$0" "$@"', arguments.program, *map(str, train("full", recipe))], env=variables,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    ends = ranks.wait(60)
    expect(ends[0][0] == 4, ends[0])
    expect(ends[1][0] == 4 and "rank 0 (" in ends[1][2] and "failed in" in ends[1][2], ends[1])


def restarts():
    """torchrun starts the processes anew, and the run goes on from its checkpoint without a flag."""
    recipe = write_recipe(iterations=60)
    command = by_torchrun(2, *train("restarted", recipe), more=["--max-restarts", "1"])
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(rows("restarted")) >= 8)
    lock = (folder / "restarted/lock").read_text()
    os.kill(int(lock), signal.SIGKILL)
    out, err = process.communicate(timeout=120)
    expect(process.returncode == 0, err)
    expect("going on in" in err and "resuming from" in err, err)
    expect([row["step"] for row in rows("restarted")] == list(range(1, 61)))


SRUN = """#!/bin/bash
# Stands for srun: two tasks on this machine.
while [[ $1 == --* ]]; do shift; done
for task in 0 1; do SLURM_PROCID=$task SLURM_LOCALID=$task SLURM_NTASKS=2 "$@" & done
status=0; for job in $(jobs -p); do wait $job || status=$?; done; exit $status
"""


def examples():
    """The Slurm script by stand-ins for Slurm's programs, twice; the manifest by its shape."""
    tools = folder / "tools"
    tools.mkdir()
    for name, text in {"srun": SRUN, "scontrol": "#!/bin/bash\necho 127.0.0.1\n"}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    variables = {**environment, "PATH": f"{tools}:{os.environ['PATH']}", "SLURM_JOB_ID": str(free_port()),
                 "SLURM_JOB_NODELIST": "here", "SLURM_CPUS_PER_TASK": "1", "GAMUT": arguments.program}
    script = SOURCE / "examples/slurm/train.sbatch"
    recipe = write_recipe(iterations=2000)
    begun = subprocess.Popen(["bash", script, recipe, folder / "slurm"], env=variables, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(rows("slurm")) >= 3)
    os.kill(int((folder / "slurm/lock").read_text()), signal.SIGTERM)  # as Slurm does before a job's time is over
    _, err = begun.communicate(timeout=60)
    expect(begun.returncode == 130, begun.returncode, err)
    steps = len(rows("slurm"))
    (folder / "micro.toml").write_text(recipe.read_text().replace("iterations = 2000", f"iterations = {steps + 2}"))
    variables["SLURM_JOB_ID"] = str(free_port())
    again = subprocess.run(["bash", script, recipe, folder / "slurm"], env=variables, capture_output=True, text=True)
    expect(again.returncode == 0 and "resuming from" in again.stderr, again.stderr)
    expect([row["step"] for row in rows("slurm")] == list(range(1, steps + 3)))
    manifest = (SOURCE / "examples/kubernetes/pytorchjob.yaml").read_text()
    try:
        import yaml
    except ImportError:
        expect("kind: PyTorchJob" in manifest and "name: pytorch" in manifest)
        return
    specs = yaml.safe_load(manifest)["spec"]["pytorchReplicaSpecs"]
    for role in ("Master", "Worker"):
        container, = specs[role]["template"]["spec"]["containers"]
        expect(container["name"] == "pytorch" and "exec gamut train" in container["args"][0], container)
        shell = subprocess.run(["bash", "-n", "-c", container["args"][0]], capture_output=True, text=True)
        expect(shell.returncode == 0, shell.stderr)
    expect(specs["Master"]["replicas"] == 1)


CASES = {"plain": plain, "faults": faults, "differing": differing, "stopping": stopping, "full_disk": full_disk,
         "restarts": restarts, "examples": examples}


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def main():
    if arguments.case in ("plain", "restarts"):
        if not torchrun:
            skip("there is no torchrun")
        tried = subprocess.run([torchrun, "--help"], capture_output=True, text=True)
        if tried.returncode != 0:
            skip(f"torchrun does not start: {tried.stderr[-200:].strip()}")
    try:
        CASES[arguments.case]()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("ok")


main()

# SPDX-License-Identifier: Apache-2.0
"""Writes tests/io/fixtures/events.tfevents with TensorBoard's own messages and writer: the version, scalars, a picture.

Made with tensorboard 2.21, protobuf 7. Run: python tests/generators/events.py
"""
import pathlib

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

FOLDER = pathlib.Path(__file__).parents[1] / "io/fixtures"


def scalar(tag, value):
    return Summary.Value(tag=tag, simple_value=value)


def picture(tag, png):
    width, height = (int.from_bytes(png[at:at + 4], "big") for at in (16, 20))
    return Summary.Value(tag=tag, image=Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png))


def events():
    yield Event(wall_time=1795395172.25, file_version="brain.Event:2")
    yield Event(wall_time=1795395173.5, step=0, summary=Summary(value=[scalar("eval/reward", 0.0)]))
    yield Event(wall_time=1795395174.5, step=1,
                summary=Summary(value=[scalar("train/reward_mean", 0.1), scalar("train/kl", -2.5e-7)]))
    png = (FOLDER / "rgb.png").read_bytes()
    yield Event(wall_time=1795395175.0, step=300,
                summary=Summary(value=[scalar("eval/reward", 1e30), picture("samples", png)]))


def main():
    with open(FOLDER / "events.tfevents", "wb") as file:
        writer = RecordWriter(file)
        for event in events():
            writer.write(event.SerializeToString())


main()

"""Reads the journal of a run and its event logs, for tests of runs that go on."""
import json
import struct
from collections import Counter

HEADER = 8
TASK_DONE = 4


def records(journal):
    """The records of a journal (docs/formats.md), as (kind, payload, end), as far as they are whole."""
    try:
        content = journal.read_bytes()
    except FileNotFoundError:
        return
    at = HEADER
    while at + 13 <= len(content):
        length, kind = struct.unpack_from("<IB", content, at)
        end = at + 5 + length + 8
        if end > len(content):
            return
        yield kind, content[at + 5:at + 5 + length], end
        at = end


def tasks_done(journal):
    """(stage, task) of each record of a task."""
    return [struct.unpack_from("<III", payload)[1:] for kind, payload, _ in records(journal) if kind == TASK_DONE]


def launched(log):
    events = (json.loads(line) for line in log.read_text().splitlines()[1:])
    return Counter((event["stage"], event["partition"]) for event in events if event["event"] == "task_launched")

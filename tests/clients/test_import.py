import json
import subprocess
import sys

LIMIT_S = 0.3
"""Seconds of processor time."""

HEAVY = {"numpy", "torch", "scipy", "headway_server", "headway_workers", "httpx", "rich"}


def in_a_fresh_process(code):
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(ended.stdout)


def test_import_is_quick_and_light():
    code = """
import json, sys, time
before = time.process_time()
import headway
took = time.process_time() - before
print(json.dumps([took, sorted({name.partition(".")[0] for name in sys.modules})]))
"""
    runs = [in_a_fresh_process(code) for _ in range(3)]
    assert min(took for took, _ in runs) < LIMIT_S
    assert not HEAVY & set(runs[0][1])

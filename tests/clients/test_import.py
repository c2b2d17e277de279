import json
import subprocess
import sys

HEAVY = {"numpy", "torch", "scipy", "headway_server", "headway_workers", "httpx", "rich"}


def in_a_fresh_process(code):
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return json.loads(ended.stdout)


def test_import_is_light():
    code = """
import json, sys
import headway
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    assert not HEAVY & set(in_a_fresh_process(code))

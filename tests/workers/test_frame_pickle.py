import os
import pickle

import pytest

from headway_workers.frame_pickle import NotATable, RefusedClass, columns


class Runs:
    def __reduce__(self):
        return os.system, ("touch /tmp/never",)


def test_pickle_that_names_a_function_is_refused_before_it_runs():
    with pytest.raises(RefusedClass, match=r"posix.system"):
        columns(pickle.dumps(Runs()))


@pytest.mark.parametrize("content", [b"", b"\x80\x05N.", pickle.dumps({"a": 1}), b"nonsense"])
def test_what_is_no_table_is_refused(content):
    with pytest.raises(NotATable):
        columns(content)

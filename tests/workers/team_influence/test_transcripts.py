import csv
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headway_workers.team_influence.simulator import Simulation, simulate
from headway_workers.team_influence.transcript_files import TranscriptError, read, write
from headway_workers.team_influence.transcripts import SILENCE, Message, Transcripts

NAMES = ("members.csv", "answers.csv", "messages.csv", "influence.csv")


@pytest.fixture
def folder(transcripts: Path, tmp_path: Path) -> Path:
    """A copy of the fixture, to be spoilt."""
    return Path(shutil.copytree(transcripts, tmp_path / "copy"))


def changed(path: Path, line: int, column: str, value: str) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    rows[line - 1][rows[0].index(column)] = value
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def test_fixture_is_what_the_simulator_writes(transcripts: Path, tmp_path: Path):
    write(simulate(replace(Simulation(), issues=3), 3, np.random.default_rng(1)), tmp_path)
    for name in NAMES:
        assert (tmp_path / name).read_text() == (transcripts / name).read_text()


def test_what_was_written_is_read(tmp_path: Path):
    written = simulate(Simulation(), 4, np.random.default_rng(2))
    write(written, tmp_path)
    found = read(tmp_path)
    assert found.influence == pytest.approx(written.influence)
    assert np.array_equal(found.answers, written.answers)
    assert found.confidence == pytest.approx(written.confidence, abs=1e-4)
    assert list(found.messages) == list(written.messages)
    one, other = found.teams(), written.teams()
    assert np.array_equal(one.documents, other.documents)
    assert one.timing == pytest.approx(other.timing)


def test_rows_that_miss_a_hundred_by_rounding_are_normalised(folder: Path):
    changed(folder / "influence.csv", 2, "percent", "11")
    changed(folder / "influence.csv", 3, "percent", "22")
    assert read(folder).influence[0, 0, 0].sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "line", "column", "value", "message"),
    [
        (
            "influence.csv",
            5,
            "percent",
            "a lot",
            r"line 5, column 'percent': 'a lot'\. Give a number from 0 to",
        ),
        ("influence.csv", 5, "percent", "-3", r"'-3'\. Give a number from 0 to 100"),
        ("influence.csv", 5, "percent", "nan", r"'nan'\. Give a number"),
        (
            "influence.csv",
            5,
            "percent",
            "99",
            r"member 'm1' of team 't1' divides .* Each member divides 100 %",
        ),
        (
            "influence.csv",
            5,
            "accorded_to",
            "m9",
            r"column 'accorded_to': 'm9'\. Name a member .*m1, m2, m3, m4",
        ),
        ("influence.csv", 5, "report", "0", r"column 'report': '0'\. Give a whole number from 1"),
        (
            "influence.csv",
            5,
            "accorded_to",
            "m1",
            r"line 5, column 'report': '1'\. .* stand in an earlier line",
        ),
        ("influence.csv", 5, "report", "4", r"line 5|lacks report 1 of 'm1' → 'm4'"),
        ("answers.csv", 9, "correct", "yes", r"line 9, column 'correct': 'yes'\. Give 0 or 1"),
        ("answers.csv", 9, "team", "t7", r"'t7'\. Add the team to members.csv"),
        ("answers.csv", 9, "question", "1.5", r"'1.5'\. Give a whole number"),
        ("answers.csv", 9, "question", "16", r"lacks question 2 of 'm4'|lacks question"),
        ("messages.csv", 3, "second", "soon", r"'soon'\. Give a number"),
        ("messages.csv", 3, "question", "16", r"'16'\. Give a whole number from 1 to 15"),
        ("members.csv", 3, "member", "m1", r"The team has this member already"),
        ("members.csv", 3, "member", " ", r"Give a name"),
        ("members.csv", 3, "team", "t2", r"team 't2' has 5 members, the first one 3|already"),
    ],
)
def test_wrong_value_is_named_with_its_place_and_remedy(folder: Path, name, line, column, value, message):
    changed(folder / name, line, column, value)
    with pytest.raises(TranscriptError, match=message) as caught:
        read(folder)
    assert name in str(caught.value) or "members.csv" in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_missing_file_is_named_with_its_columns(folder: Path, name):
    (folder / name).unlink()
    with pytest.raises(TranscriptError, match=rf"{name}: there is no such file.*columns team"):
        read(folder)


@pytest.mark.parametrize("name", NAMES)
def test_missing_column_is_named(folder: Path, name):
    text = (folder / name).read_text()
    (folder / name).write_text(text.replace("team", "group", 1))
    with pytest.raises(TranscriptError, match=r"line 1: there is no column 'team'"):
        read(folder)


def test_short_line_is_named(folder: Path):
    (folder / "answers.csv").write_text((folder / "answers.csv").read_text() + "t1,1\n")
    with pytest.raises(TranscriptError, match=r"line 182: not 4 fields"):
        read(folder)


def test_other_encoding_is_refused(folder: Path):
    (folder / "messages.csv").write_bytes("team,question,member,second,text\nt1,1,m1,1,é\n".encode("latin-1"))
    with pytest.raises(TranscriptError, match="not UTF-8"):
        read(folder)


def test_empty_file_is_refused(folder: Path):
    (folder / "influence.csv").write_text("team,report,member,accorded_to,percent\n")
    with pytest.raises(TranscriptError, match="nothing below line 1"):
        read(folder)


def test_questions_that_do_not_divide_into_reports_are_refused(folder: Path):
    lines = (folder / "answers.csv").read_text().splitlines()
    kept = [line for line in lines if line.split(",")[1] != "15"]
    (folder / "answers.csv").write_text("\n".join(kept) + "\n")
    said = [line for line in (folder / "messages.csv").read_text().splitlines() if line.split(",")[1] != "15"]
    (folder / "messages.csv").write_text("\n".join(said) + "\n")
    with pytest.raises(TranscriptError, match="14 questions don't divide into 3 reports"):
        read(folder)


def test_messages_are_summed_up_by_issue_and_member():
    messages = [
        Message(0, 1, 0, 9.0, "late"),
        Message(0, 1, 0, 5.0, "soon"),
        Message(0, 0, 0, 7.0, "first"),
        Message(0, 3, 1, 4.0, "two"),
    ]
    influence = np.full((1, 2, 2, 2), 0.5)
    teams = Transcripts(influence, np.zeros((1, 4, 2), dtype=bool), np.zeros((1, 2)), messages).teams()
    assert teams.documents.tolist() == [[["first. soon. late", ""], ["", "two"]]]
    assert teams.timing[0, 0, 0].tolist() == [1.5, 6.0]
    assert teams.timing[0, 1].tolist() == [[0.0, SILENCE], [0.5, 4.0]]

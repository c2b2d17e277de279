from collections import Counter

import numpy as np
import pytest

from headway_workers.frame_pickle import NotATable
from headway_workers.matrix_completion import ratings
from headway_workers.matrix_completion.biases import Biases, rmse
from headway_workers.matrix_completion.ratings import Ratings, RatingsMissing, Split, load, numbered

TABLE = {
    "rownames": [1.0, 2.0, 3.0, 4.0],
    "movieId": [31, 1029, 31, 7],
    "title": ["Dangerous Minds", "Dumbo", "Dangerous Minds", "Sabrina"],
    "userId": [9, 4, 4, 9],
    "rating": [2.5, 3.0, 5.0, 0.5],
    "timestamp": [1260759144, 1260759179, 1260759182, 1260759185],
}


def some(n_users: int = 30, n_films: int = 40, share: float = 0.5) -> Ratings:
    rng = np.random.default_rng(1)
    users, films = np.nonzero(rng.random((n_users, n_films)) < share)
    return numbered(users, films, rng.integers(1, 11, len(users)) / 2)


def test_table_in_the_packages_format_is_read_without_pandas(write_table, tmp_path):
    read = load(write_table(TABLE), tmp_path / "cache")
    assert read.users.tolist() == [0, 0, 1, 1]
    assert read.films.tolist() == [1, 2, 0, 1]
    assert read.stars.tolist() == [5.0, 3.0, 0.5, 2.5]


def test_table_is_converted_once(write_table, tmp_path, monkeypatch):
    path, cache = write_table(TABLE), tmp_path / "cache"
    first = load(path, cache)
    monkeypatch.setattr(ratings, "columns", None)  # converting again would fail
    again = load(path, cache)
    assert [file.suffix for file in cache.iterdir()] == [".npz"]
    assert np.array_equal(first.stars, again.stars)


def test_another_table_is_converted_anew(write_table, tmp_path):
    load(write_table(TABLE), tmp_path / "cache")
    other = load(write_table({**TABLE, "rating": [1.0, 1.0, 1.0, 1.0]}), tmp_path / "cache")
    assert set(other.stars.tolist()) == {1.0}


def test_missing_column_and_bad_stars_are_named(write_table, tmp_path):
    short = {name: column for name, column in TABLE.items() if name != "rating"}
    with pytest.raises(NotATable, match="rating: the table has no such column"):
        load(write_table(short), tmp_path / "cache")
    with pytest.raises(NotATable, match=r"rating: .* 0.5 to 5"):
        load(write_table({**TABLE, "rating": [2.5, 3.0, 6.0, 0.5]}), tmp_path / "cache")
    with pytest.raises(NotATable, match="repeat a user and a film"):
        load(write_table({**TABLE, "movieId": [31, 31, 31, 7]}), tmp_path / "cache")


def test_file_that_is_not_compressed_is_refused(tmp_path):
    (tmp_path / "plain").write_bytes(b"plain")
    with pytest.raises(NotATable, match="xz"):
        load(tmp_path / "plain", tmp_path / "cache")


def test_missing_package_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(ratings, "find_spec", lambda _: None)
    with pytest.raises(RatingsMissing, match=r"pip install 'headway\[movielens\]'"):
        load()


def test_installed_table_has_the_known_facts(tmp_path):
    try:
        table = ratings.installed()
    except RatingsMissing as missing:
        pytest.skip(str(missing))
    assert len(load(table, tmp_path)) == 100_004


def test_frequent_part_is_the_same_once_more_and_has_enough_of_each():
    part = some(share=0.3).frequent(7)
    assert len(part.frequent(7)) == len(part) > 0
    assert min(Counter(part.users.tolist()).values()) >= 7
    assert min(Counter(part.films.tolist()).values()) >= 7


def test_split_takes_every_rating_once_in_shares_of_8_1_1():
    whole = some()
    split = Split.drawn(whole, 0)
    parts = [split.train, split.validation, split.test]
    places = np.concatenate([part.users * 1_000 + part.films for part in parts])
    assert sorted(places) == (whole.users * 1_000 + whole.films).tolist()
    assert [round(len(part) / len(whole), 2) for part in parts] == [0.8, 0.1, 0.1]


def test_biases_by_hand():
    rated = numbered(np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 1.0, 3.0]))
    biases = Biases.fitted(rated, (2, 2), user_shrinkage=1.0, film_shrinkage=2.0)
    assert biases.mean == 3.0
    assert biases.films.tolist() == [2 / 4, -2 / 3]
    assert np.allclose(biases.users, [(1.5 - 4 / 3) / 3, -0.5 / 2])
    assert np.allclose(biases.expected(rated)[2], 3.0 + 0.5 - 0.25)


def test_infinite_shrinkage_leaves_the_mean():
    whole = some()
    biases = Biases.fitted(whole, whole.shape, 1e12, 1e12)
    assert rmse(biases.expected(whole) - whole.stars.mean()) < 1e-9

"""From what a member said to a short vector: TF-IDF with an SVD, or a sentence model of the user's."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer

from headway_workers.contract import DataUnavailable
from headway_workers.team_influence.teams import Array

COMPONENTS = 8
"""Length of a document's vector, at most."""
WORD = r"[\w']+"


class TextChannel(Protocol):
    """Embeds documents."""

    def embedded(self, documents: NDArray[Any], train: NDArray[np.intp]) -> Array:
        """Vectors of all documents, shape (N, n, k), k ≤ 8, for documents (N, n) of dtype object.

        What is learnt (words, weights, directions) is learnt from the rows `train` alone.
        """
        ...


class TfidfChannel:
    """Words and pairs of words, weighted by rarity, in their leading singular directions.

    Where nobody in the training rows says a word, every vector is the number 0.
    """

    def __init__(self) -> None:
        self._documents: list[str] = []
        self._counts: Any = None

    def embedded(self, documents: NDArray[Any], train: NDArray[np.intp]) -> Array:
        rows = np.arange(documents.size).reshape(documents.shape)[train].ravel()
        counts = self._counted(documents.ravel().tolist())
        # Words that the training rows lack are unknown: to count over all rows tells the fit nothing.
        counts = counts[:, np.flatnonzero(counts[rows].getnnz(axis=0))]
        k = min(COMPONENTS, counts.shape[1] - 1, len(rows) - 1)
        if k < 1:
            return np.zeros((*documents.shape, 1))
        rarity = TfidfTransformer(sublinear_tf=True).fit(counts[rows])
        directions = TruncatedSVD(k, algorithm="arpack", random_state=0).fit(rarity.transform(counts[rows]))
        vectors: Array = directions.transform(rarity.transform(counts)).reshape(*documents.shape, k)
        return vectors

    def _counted(self, documents: list[str]) -> Any:
        """Words and pairs by document, sparse; kept, since folds ask for the same documents in turn."""
        if self._counts is None or documents != self._documents:
            words = CountVectorizer(ngram_range=(1, 2), token_pattern=WORD)
            # A dummy word keeps the vocabulary from being empty, which is an error to scikit-learn.
            self._counts = words.fit_transform([*documents, "nothing"])[:-1]
            self._documents = documents
        return self._counts


class SentenceChannel:
    """Sentence embeddings from a model on disk, in the leading principal directions of the training rows."""

    def __init__(self, model: Path) -> None:
        """`model` is a folder that sentence-transformers can load; nothing is ever downloaded.

        Raises:
            DataUnavailable: there is no such folder.
            ModuleNotFoundError: sentence-transformers is not installed.
        """
        if not model.is_dir():
            raise DataUnavailable(f"There is no sentence model {str(model)!r}: give the folder of one.")
        try:
            transformers = import_module("sentence_transformers")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "Sentence embeddings need sentence-transformers: pip install sentence-transformers, or give "
                "no sentence model, and TF-IDF is used."
            ) from error
        self._model = transformers.SentenceTransformer(str(model), local_files_only=True)
        self._seen: dict[str, Array] = {}

    def embedded(self, documents: NDArray[Any], train: NDArray[np.intp]) -> Array:
        said = documents.ravel().tolist()
        if new := sorted(set(said) - self._seen.keys()):
            vectors = np.asarray(self._model.encode(new, show_progress_bar=False), dtype=np.float64)
            self._seen.update(zip(new, vectors, strict=True))
        every = np.stack([self._seen[document] for document in said]).reshape(*documents.shape, -1)
        learnt = every[train].reshape(-1, every.shape[-1])
        mean = learnt.mean(axis=0)
        directions = np.linalg.svd(learnt - mean, full_matrices=False)[2][:COMPONENTS]
        principal: Array = (every - mean) @ directions.T
        return principal

"""Figures of the authors' own soups, to hold the metrics to without any training.

Source: the public repository alexrame/rewardedsoups. The two tables are printed in its files
captioning/README.md and llama/README.md. Its locomotion results are in a pickle
(streamlit_app/data/locomotion/pareto/humanoid_averse_taker_with_morl.pkl); of that we have three points only,
as they were read out for this project's specification, so the soup's 21 points and MORL's 11 are not here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]

WEIGHTS: Array = np.arange(11) / 10.0
"""(11,): λ of both tables; soup λ is (1 − λ) × the first network + λ × the second."""

CAPTIONING: Array = np.array(
    [
        (0.8234, 0.6100),
        (0.8265, 0.6095),
        (0.8309, 0.6093),
        (0.8342, 0.6096),
        (0.8369, 0.6095),
        (0.8395, 0.6095),
        (0.8418, 0.6082),
        (0.8440, 0.6069),
        (0.8460, 0.6054),
        (0.8486, 0.6047),
        (0.8497, 0.6038),
    ]
)
"""(11, 2): BLEU-1 and ROUGE-L of captions on COCO; from the network tuned for ROUGE to that for BLEU-1."""

NEWS_SUMMARIES: Array = np.array(
    [  # R₁ = LABEL_0; R₂ = FAITHFUL − HALLUCINATED, its "1-0"
        (0.9837322938069701, -0.4440372304804623 - 0.34354008454363794),
        (1.108713237568736, -0.44228213937953115 - 0.34228092256031234),
        (1.1973440561071038, -0.44304117301478985 - 0.3337066343799233),
        (1.285310146510601, -0.44826980523765086 - 0.41363132309168577),
        (1.3942182363569737, -0.4634812906384468 - 0.6186571175232529),
        (1.4592856185883283, -0.4630217505991459 - 0.617289823628962),
        (1.5127975235134363, -0.4648162759467959 - 0.6535065068677067),
        (1.5688072920590639, -0.4705177211761475 - 0.7415622024610639),
        (1.653215588144958, -0.47928548775613306 - 0.8457040116935969),
        (1.728214347474277, -0.47746868235990403 - 0.8377302279276774),
        (1.7814147435873746, -0.4901799873448908 - 1.0361331396130844),
    ]
)
"""(11, 2): two reward models of summaries of news by LLaMA-7b; from the network tuned for the second to that
for the first."""

LOCOMOTION_ENDS: Array = np.array([(1460.9, 6446.9), (4061.7, 5664.3)])
"""(2, 2): cautious and risky reward of the humanoids trained for the risky and for the cautious one."""

LOCOMOTION_START: Array = np.array([-560.4, 3598.6])
"""(2,): the rewards of the pretrained humanoid."""

"""BibTeX of papers that more than one metric follows."""

from __future__ import annotations

ANTI_DREAMBOOTH = (
    "@inproceedings{vanle2023antidreambooth, title={Anti-DreamBooth: Protecting Users from Personalized Text-to-Image "
    "Synthesis}, author={Van Le, Thanh and Phung, Hao and Nguyen, Thuan Hoang and Dao, Quan and Tran, Ngoc N. and "
    "Tran, Anh}, booktitle={ICCV}, year={2023}}"
)
ST_LPIPS = (
    "@inproceedings{ghildyal2022stlpips, title={Shift-tolerant Perceptual Similarity Metric}, "
    "author={Ghildyal, Abhijay and Liu, Feng}, booktitle={ECCV}, year={2022}}"
)
Q_ALIGN = (
    "@inproceedings{wu2024qalign, title={Q-Align: Teaching LMMs for Visual Scoring via Discrete Text-Defined Levels}, "
    "author={Wu, Haoning and Zhang, Zicheng and Zhang, Weixia and Chen, Chaofeng and Liao, Liang and Li, Chunyi and "
    "Gao, Yixuan and Wang, Annan and Zhang, Erli and Sun, Wenxiu and Yan, Qiong and Min, Xiongkuo and Zhai, Guangtao "
    "and Lin, Weisi}, booktitle={ICML}, year={2024}}"
)

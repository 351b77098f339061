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
DINO = (
    "@inproceedings{caron2021dino, title={Emerging Properties in Self-Supervised Vision Transformers}, "
    "author={Caron, Mathilde and Touvron, Hugo and Misra, Ishan and J{\\'e}gou, Herv{\\'e} and Mairal, Julien and "
    "Bojanowski, Piotr and Joulin, Armand}, booktitle={ICCV}, year={2021}}"
)
DINOV2 = (
    "@article{oquab2024dinov2, title={DINOv2: Learning Robust Visual Features without Supervision}, "
    "author={Oquab, Maxime and Darcet, Timoth{\\'e}e and Moutakanni, Th{\\'e}o and others}, journal={TMLR}, "
    "year={2024}}"
)
CLIP = (
    "@inproceedings{radford2021clip, title={Learning Transferable Visual Models From Natural Language Supervision}, "
    "author={Radford, Alec and Kim, Jong Wook and Hallacy, Chris and others}, booktitle={ICML}, year={2021}}"
)
VBENCH = (
    "@inproceedings{huang2024vbench, title={{VBench}: Comprehensive Benchmark Suite for Video Generative Models}, "
    "author={Huang, Ziqi and He, Yinan and Yu, Jiashuo and others}, booktitle={CVPR}, year={2024}}"
)
VID_FREEZE = (
    "@article{chowdhury2025vidfreeze, title={Vid-Freeze: Protecting Images from Malicious Image-to-Video Generation "
    "via Temporal Freezing}, author={Chowdhury, Rohit and Bala, Aniruddha and Jaiswal, Rohan and Roheda, Siddharth}, "
    "journal={arXiv preprint arXiv:2509.23279}, year={2025}}"
)
RAFT = (
    "@inproceedings{teed2020raft, title={{RAFT}: Recurrent All-Pairs Field Transforms for Optical Flow}, "
    "author={Teed, Zachary and Deng, Jia}, booktitle={ECCV}, year={2020}}"
)
LPIPS = (
    "@inproceedings{zhang2018lpips, title={The Unreasonable Effectiveness of Deep Features as a Perceptual Metric}, "
    "author={Zhang, Richard and Isola, Phillip and Efros, Alexei A. and Shechtman, Eli and Wang, Oliver}, "
    "booktitle={CVPR}, year={2018}}"
)
DREAMSIM = (
    "@inproceedings{fu2023dreamsim, title={{DreamSim}: Learning New Dimensions of Human Visual Similarity "
    "using Synthetic Data}, author={Fu, Stephanie and Tamir, Netanel and Sundaram, Shobhita and Chai, Lucy and Zhang, "
    "Richard and Dekel, Tali and Isola, Phillip}, booktitle={NeurIPS}, year={2023}}"
)

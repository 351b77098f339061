"""What the cards of the learned purifications share."""

from __future__ import annotations

EMBEDDED = (
    "The default network is trained at 64 px on rendered photos of people whom neither a victim nor a suite has, and "
    "on no protection. A network of the hub needs its commit as `revision`, as none is pinned here, or a local folder "
    "(`--weights NAME=PATH`), and `--device cuda` to be quick."
)
AT_64 = (
    "At 64 px the same noise destroys more of a face than at 256 px, where its detail spans four times as many pixels: "
    "strengths of the two worlds do not compare."
)
DIFFPURE = (
    "@inproceedings{nie2022diffpure, title={Diffusion Models for Adversarial Purification}, "
    "author={Nie, Weili and Guo, Brandon and Huang, Yujia and Xiao, Chaowei and Vahdat, Arash and Anandkumar, Anima}, "
    "booktitle={ICML}, year={2022}}"
)
GRIDPURE = (
    "@inproceedings{zhao2024gridpure, title={Can Protective Perturbation Safeguard Personal Data from Being "
    "Exploited by Stable Diffusion?}, author={Zhao, Zhengyue and Duan, Jinhao and Xu, Kaidi and Wang, Chenan and "
    "Zhang, Rui and Du, Zidong and Guo, Qi and Hu, Xing}, booktitle={CVPR}, year={2024}}"
)
IMPRESS = (
    "@inproceedings{cao2023impress, title={IMPRESS: Evaluating the Resilience of Imperceptible Perturbations Against "
    "Unauthorized Data Usage in Diffusion-Based Generative AI}, author={Cao, Bochuan and Li, Changjiang and Wang, Ting "
    "and Jia, Jinyuan and Li, Bo and Chen, Jinghui}, booktitle={NeurIPS}, year={2023}}"
)
DNCNN = (
    "@article{zhang2017dncnn, title={Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising}, "
    "author={Zhang, Kai and Zuo, Wangmeng and Chen, Yunjin and Meng, Deyu and Zhang, Lei}, "
    "journal={IEEE Transactions on Image Processing}, year={2017}}"
)
NOISY_UPSCALING = (
    "@inproceedings{hoenig2025mimicry, title={Adversarial Perturbations Cannot Reliably Protect Artists From "
    'Generative AI}, author={H{\\"o}nig, Robert and Rando, Javier and Carlini, Nicholas and Tram{\\`e}r, Florian}, '
    "booktitle={ICLR}, year={2025}}"
)
SDEDIT = (
    "@inproceedings{meng2022sdedit, title={SDEdit: Guided Image Synthesis and Editing with Stochastic Differential "
    "Equations}, author={Meng, Chenlin and He, Yutong and Song, Yang and Song, Jiaming and Wu, Jiajun and Zhu, Jun-Yan "
    "and Ermon, Stefano}, booktitle={ICLR}, year={2022}}"
)
WAVES = (
    "@inproceedings{an2024waves, title={WAVES: Benchmarking the Robustness of Image Watermarks}, author={An, Bang and "
    "Ding, Mucong and Rabbani, Tahseen and Agrawal, Aakriti and Xu, Yuancheng and Deng, Chenghao and Zhu, Sicheng and "
    "Mohamed, Abdirisak and Wen, Yuxin and Goldstein, Tom and Huang, Furong}, booktitle={ICML}, year={2024}}"
)
SWIN2SR = (
    "@inproceedings{conde2022swin2sr, title={Swin2SR: SwinV2 Transformer for Compressed Image Super-Resolution and "
    "Restoration}, author={Conde, Marcos V. and Choi, Ui-Jin and Burchi, Maxime and Timofte, Radu}, "
    "booktitle={ECCV Workshops}, year={2022}}"
)

"""DynamiCrafter: animating a picture with a 3D U-Net, in the layout of its public checkpoints (512, 1024 and 256).

The picture enters twice: as a latent beside every noised frame, and as image tokens through cross-attention. Both ways
are differentiable. Modules carry the parameter names of the checkpoints, so that `load_state_dict(strict=True)` takes
them as they are.

Source: Xing et al. 2023, "DynamiCrafter: Animating Open-domain Images with Video Diffusion Priors" (arXiv 2310.12190).
"""

"""Open-Sora 1.2: a transformer over patches of a clip's latent, trained as a rectified flow.

The picture enters as the clip's first latent frame, which is kept clean while the others are noised. The way is
differentiable. Modules carry the parameter names of the public checkpoints, so that `load_state_dict(strict=True)`
takes them as they are.

Source: Zheng et al. 2024, "Open-Sora: Democratizing Efficient Video Production for All" (arXiv 2412.20404).
"""

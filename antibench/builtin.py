"""Everything antibench itself registers, by name, so that `antibench list` imports none of it.

A test checks each row against the class it names.
"""

from __future__ import annotations

BUILTIN: dict[str, list[tuple[str, str, str]]] = {
    "protections": [
        ("advdm@1", "antibench.attacks.advdm:AdvDM", "AdvDM: raise the diffusion loss"),
        ("mist@1", "antibench.attacks.mist:Mist", "Mist: approach a target latent and raise the diffusion loss"),
        (
            "anti-i2v@1",
            "antibench.attacks.anti_i2v:AntiI2V",
            "Anti-I2V: dual-space perturbation, representation collapse and anchoring",
        ),
        ("clean@1", "antibench.attacks.clean:Clean", "No protection"),
        ("random-sign@1", "antibench.attacks.random_sign:RandomSign", "Random signs at the full budget"),
        (
            "random-lowfreq@1",
            "antibench.attacks.random_lowfreq:RandomLowFrequency",
            "Random low-frequency signs at the full budget",
        ),
        ("no-op@1", "antibench.attacks.degenerate:NoOp", "Does nothing"),
        ("grey@1", "antibench.attacks.degenerate:Grey", "Proposes a grey square"),
        ("max-noise@1", "antibench.attacks.degenerate:MaxNoise", "Proposes pure noise"),
    ],
    "purifications": [
        ("gaussian-blur@1", "antibench.purifications.gaussian_blur:GaussianBlur", "Gaussian blur, sigma in pixels"),
        ("jpeg@1", "antibench.purifications.jpeg:Jpeg", "JPEG, libjpeg quality, 4:2:0 or 4:4:4"),
        ("resize@1", "antibench.purifications.resize:Resize", "Resize down and up again, named filter, antialiased"),
    ],
    "metrics": [],
    "models": [],
    "datasets": [],
}

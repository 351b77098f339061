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
        ("sds@1", "antibench.attacks.sds:SDS", "SDS: score distillation, no gradient of the denoiser"),
        (
            "photoguard@1",
            "antibench.attacks.photoguard:PhotoGuard",
            "PhotoGuard (encoder): take the photo's latent to zero",
        ),
        (
            "photoguard-diffusion@1",
            "antibench.attacks.photoguard_diffusion:PhotoGuardDiffusion",
            "PhotoGuard (diffusion): a short sampling ends in a target",
        ),
        (
            "encoder-target@1",
            "antibench.attacks.encoder_target:EncoderTarget",
            "Targeted encoder attack (UVCG of one frame)",
        ),
        (
            "mist-paper@1",
            "antibench.attacks.mist_weights:MistPaper",
            "Mist with the paper's weight: summed distance, 10^4",
        ),
        (
            "mist-vaijsc@1",
            "antibench.attacks.mist_weights:MistVaijsc",
            "Mist with the video port's weight: mean distance, 10^4",
        ),
        ("editshield@1", "antibench.attacks.editshield:EditShield", "EditShield: move the photo's latent away"),
        ("vgmshield@1", "antibench.attacks.vgmshield:VGMShield", "VGMShield: mislead the image encoders"),
        (
            "diffusionguard@1",
            "antibench.attacks.diffusionguard:DiffusionGuard",
            "DiffusionGuard: overshoot at the first sampling step",
        ),
        (
            "dct-shield@1",
            "antibench.attacks.dct_shield:DCTShield",
            "DCT-Shield: the encoder attack in JPEG coefficients",
        ),
        (
            "i2vguard@1",
            "antibench.attacks.i2vguard:I2VGuard",
            "I2VGuard: black target for encoder and clip, shifted temporal attention",
        ),
        (
            "vid-freeze@1",
            "antibench.attacks.vid_freeze:VidFreeze",
            "Vid-Freeze: smallest norm of attention, to freeze motion",
        ),
        (
            "dormant@1",
            "antibench.attacks.dormant:Dormant",
            "Dormant: far embeddings, and frames far from the photo and from each other",
        ),
        (
            "immune2v@1",
            "antibench.attacks.immune2v:Immune2V",
            "Immune2V: every frame to a still target, features to those of chaos",
        ),
        (
            "anti-prompt@1",
            "antibench.attacks.anti_prompt:AntiPrompt",
            "Anti-Prompt (inspired): less from the caption, more from the photo",
        ),
        ("clean@1", "antibench.attacks.clean:Clean", "No protection"),
        ("diffvax@1", "antibench.attacks.diffvax:DiffVax", "DiffVax: one forward pass of a trained network"),
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
        (
            "adverse-cleaner@1",
            "antibench.purifications.adverse_cleaner:AdverseCleaner",
            "AdverseCleaner, bilateral passes then guided filter",
        ),
        ("avif@1", "antibench.purifications.avif:Avif", "AVIF, libavif quality, 4:2:0"),
        ("bilateral@1", "antibench.purifications.bilateral:Bilateral", "Bilateral filter, spread in colour"),
        ("bit-depth@1", "antibench.purifications.bit_depth:BitDepth", "Bit depth reduction, bits a channel"),
        (
            "crop-resize@1",
            "antibench.purifications.crop_resize:CropResize",
            "Central crop, share of the side, resized back",
        ),
        ("gaussian-blur@1", "antibench.purifications.gaussian_blur:GaussianBlur", "Gaussian blur, sigma in pixels"),
        (
            "gaussian-noise@1",
            "antibench.purifications.gaussian_noise:GaussianNoise",
            "Gaussian noise, standard deviation on [0, 1]",
        ),
        ("h264@1", "antibench.purifications.h264:H264", "H.264 as a still clip, constant rate factor, 4:2:0"),
        ("jpeg@1", "antibench.purifications.jpeg:Jpeg", "JPEG, libjpeg quality, 4:2:0 or 4:4:4"),
        ("median@1", "antibench.purifications.median:Median", "Median filter, odd window"),
        (
            "print-scan@1",
            "antibench.purifications.print_scan:PrintScan",
            "Print and scan, tier: colours, perspective, blur, noise, JPEG",
        ),
        ("resize@1", "antibench.purifications.resize:Resize", "Resize down and up again, named filter, antialiased"),
        ("screenshot@1", "antibench.purifications.screenshot:Screenshot", "Screenshot, tier: scaled, JPEG, moire"),
        (
            "social-media@1",
            "antibench.purifications.social_media:SocialMedia",
            "Social media upload, tier: long edge and JPEG",
        ),
        ("tvm@1", "antibench.purifications.tvm:Tvm", "Total variation minimisation after pixel drop, weight"),
        ("webp@1", "antibench.purifications.webp:WebP", "WebP, lossy, quality"),
        (
            "diffpure@1",
            "antibench.purifications.diffpure:DiffPure",
            "DiffPure: noise to t*, then the reverse process of a diffusion model",
        ),
        (
            "gridpure@1",
            "antibench.purifications.gridpure:GrIDPure",
            "GrIDPure: many small noisings and denoisings, on overlapping tiles",
        ),
        (
            "impress@1",
            "antibench.purifications.impress:Impress",
            "IMPRESS: make the photo consistent with a VAE's reconstruction of it",
        ),
        (
            "vae-round-trip@1",
            "antibench.purifications.vae_round_trip:VaeRoundTrip",
            "Encode and decode by an image VAE that no victim has",
        ),
        ("denoiser@1", "antibench.purifications.denoiser:Denoiser", "Blind residual denoiser (DnCNN)"),
        (
            "sr-down-up@1",
            "antibench.purifications.sr_down_up:SrDownUp",
            "Resize down, and up again by super-resolution",
        ),
        (
            "noisy-upscaling@1",
            "antibench.purifications.noisy_upscaling:NoisyUpscaling",
            "Noisy upscaling: noise, an upscaler, and back to size",
        ),
        (
            "img2img@1",
            "antibench.purifications.img2img:Img2Img",
            "SDEdit: image-to-image diffusion at low strength",
        ),
    ],
    "metrics": [
        ("ism[dlib]@1", "antibench.metrics.ism:Ism", "Identity of the video, frames without a face left out"),
        ("ism0[dlib]@1", "antibench.metrics.ism0:Ism0", "Identity of the video, a missing face counts 0"),
        ("fdfr[mtcnn]@1", "antibench.metrics.fdfr:Fdfr", "Share of frames without a face"),
        (
            "ism0[mobileface]@1",
            "antibench.metrics.ism0_mobileface:Ism0MobileFace",
            "Identity of the video by a second network",
        ),
        (
            "ism-photo[mobileface]@1",
            "antibench.metrics.ism_photo_mobileface:IsmPhotoMobileFace",
            "Identity of the photo by a second network",
        ),
        ("ism-photo[dlib]@1", "antibench.metrics.ism_photo:IsmPhoto", "Identity of the photo as the model sees it"),
        (
            "ism-own-input[dlib]@1",
            "antibench.metrics.ism_own_input:IsmOwnInput",
            "Identity against the own input",
        ),
        (
            "ism[buffalo_l]@1",
            "antibench.metrics.ism_buffalo:IsmBuffalo",
            "Identity of the video by ArcFace, real photos (weights to be fetched)",
        ),
        (
            "ism0[buffalo_l]@1",
            "antibench.metrics.ism0_buffalo:Ism0Buffalo",
            "Identity by ArcFace, a missing face counts 0 (weights to be fetched)",
        ),
        (
            "ism-photo[buffalo_l]@1",
            "antibench.metrics.ism_photo_buffalo:IsmPhotoBuffalo",
            "Identity of the photo by ArcFace (weights to be fetched)",
        ),
        (
            "fdfr[buffalo_l]@1",
            "antibench.metrics.fdfr_buffalo:FdfrBuffalo",
            "Share of frames without a face by SCRFD (weights to be fetched)",
        ),
        (
            "ism[deepface]@1",
            "antibench.metrics.ism_deepface:IsmDeepFace",
            "Identity of the video as Anti-DreamBooth measures it (DeepFace, weights to be fetched)",
        ),
        (
            "clib-fiqa@1",
            "antibench.metrics.clib_fiqa:ClibFiqaMetric",
            "Quality of the faces in the video (weights to be fetched)",
        ),
        (
            "q-align-image@1",
            "antibench.metrics.q_align_image:QAlignImage",
            "Quality of the frames by OneAlign (weights to be fetched)",
        ),
        (
            "q-align-video@1",
            "antibench.metrics.q_align_video:QAlignVideo",
            "Quality of the video by OneAlign (weights to be fetched)",
        ),
        (
            "quality[small]@1",
            "antibench.metrics.quality_small:QualitySmall",
            "Quality of the frames by a small network, small world",
        ),
        ("features-image[vgg]@1", "antibench.metrics.features_image:FeaturesImageVgg", "Likeness of video and photo"),
        ("features-video[vgg]@1", "antibench.metrics.features_video:FeaturesVideoVgg", "Likeness to the clean video"),
        ("features-photo[vgg]@1", "antibench.metrics.features_photo:FeaturesPhotoVgg", "Likeness of the photo as seen"),
        (
            "vae-consistency[small]@1",
            "antibench.metrics.vae_consistency:VaeConsistencySmall",
            "Change of the photo as seen by an autoencoder",
        ),
        ("psnr@1", "antibench.metrics.psnr:Psnr", "Fidelity: PSNR in dB"),
        ("ssim@1", "antibench.metrics.ssim:Ssim", "Fidelity: SSIM"),
        ("ciede2000@1", "antibench.metrics.ciede2000:Ciede2000", "Fidelity: mean CIEDE2000 colour difference"),
        ("linf-levels@1", "antibench.metrics.linf_levels:LinfLevels", "Fidelity: largest change in 8-bit levels"),
        ("st-lpips[vgg]@1", "antibench.metrics.st_lpips:StLpipsVgg", "Fidelity: ST-LPIPS, up to 128 px"),
        (
            "st-lpips[alex]@1",
            "antibench.metrics.st_lpips_alex:StLpipsAlex",
            "Fidelity: ST-LPIPS, from 256 px",
        ),
        ("lpips[alex]@1", "antibench.metrics.lpips_alex:LpipsAlex", "Fidelity: LPIPS (weights to be fetched)"),
        ("motion@1", "antibench.metrics.motion:Motion", "Mean optical flow in pixels per frame"),
        (
            "temporal-consistency@1",
            "antibench.metrics.temporal_consistency:TemporalConsistency",
            "Agreement of neighbouring frames along the flow",
        ),
        ("sharpness@1", "antibench.metrics.sharpness:Sharpness", "Sharpness of the last frames relative to the photo"),
        (
            "features-consistency[vgg]@1",
            "antibench.metrics.features_consistency:FeaturesConsistencyVgg",
            "Likeness of neighbouring frames",
        ),
        (
            "dino-image[vitb16]@1",
            "antibench.metrics.dino_image:DinoImage",
            "Likeness of video and photo, DINO (weights to be fetched)",
        ),
        (
            "dino-photo[vitb16]@1",
            "antibench.metrics.dino_photo:DinoPhoto",
            "Likeness of the photo as seen, DINO (weights to be fetched)",
        ),
        (
            "dino-video[vitb16]@1",
            "antibench.metrics.dino_video:DinoVideo",
            "Likeness to the clean video, DINO (weights to be fetched)",
        ),
        (
            "dino-consistency[vitb16]@1",
            "antibench.metrics.dino_consistency:DinoConsistency",
            "Likeness of neighbouring frames, DINO (weights to be fetched)",
        ),
        (
            "dino-image[v2-vitb14]@1",
            "antibench.metrics.dino_image_v2:DinoImageV2",
            "Likeness of video and photo, DINOv2 (weights to be fetched)",
        ),
        (
            "dino-photo[v2-vitb14]@1",
            "antibench.metrics.dino_photo_v2:DinoPhotoV2",
            "Likeness of the photo as seen, DINOv2 (weights to be fetched)",
        ),
        (
            "dino-video[v2-vitb14]@1",
            "antibench.metrics.dino_video_v2:DinoVideoV2",
            "Likeness to the clean video, DINOv2 (weights to be fetched)",
        ),
        (
            "dino-consistency[v2-vitb14]@1",
            "antibench.metrics.dino_consistency_v2:DinoConsistencyV2",
            "Likeness of neighbouring frames, DINOv2 (weights to be fetched)",
        ),
        (
            "clip-i[vit-b-32]@1",
            "antibench.metrics.clip_i:ClipI",
            "Likeness of video and photo, CLIP (weights to be fetched)",
        ),
        (
            "clip-i-photo[vit-b-32]@1",
            "antibench.metrics.clip_i_photo:ClipIPhoto",
            "Likeness of the photo as seen, CLIP (weights to be fetched)",
        ),
        (
            "clip-t[vit-b-32]@1",
            "antibench.metrics.clip_t:ClipT",
            "Likeness of video and caption, CLIP (weights to be fetched)",
        ),
        ("freeze[dis-vgg]@1", "antibench.metrics.freeze:Freeze", "Frozen at good looks"),
        ("destruction[vgg]@1", "antibench.metrics.destruction:Destruction", "Share of the picture that is lost"),
        (
            "freeze[dis-dino-vitb16]@1",
            "antibench.metrics.freeze_dino:FreezeDino",
            "Frozen at good looks, DINO (weights to be fetched)",
        ),
        (
            "destruction[dino-vitb16]@1",
            "antibench.metrics.destruction_dino:DestructionDino",
            "Share of the picture that is lost, DINO (weights to be fetched)",
        ),
        (
            "vbench-subject-consistency[vgg]@1",
            "antibench.metrics.vbench_subject_consistency_vgg:VbenchSubjectConsistencyVgg",
            "VBench subject consistency with VGG16 features",
        ),
        (
            "vbench-subject-consistency[dino-vitb16]@1",
            "antibench.metrics.vbench_subject_consistency:VbenchSubjectConsistency",
            "VBench subject consistency (weights to be fetched)",
        ),
        (
            "vbench-background-consistency[clip-vit-b-32]@1",
            "antibench.metrics.vbench_background_consistency:VbenchBackgroundConsistency",
            "VBench background consistency (weights to be fetched)",
        ),
        (
            "vbench-temporal-flickering@1",
            "antibench.metrics.vbench_temporal_flickering:VbenchTemporalFlickering",
            "VBench temporal flickering",
        ),
        (
            "vbench-i2v-subject[vgg]@1",
            "antibench.metrics.vbench_i2v_subject_vgg:VbenchI2vSubjectVgg",
            "VBench-I2V subject with VGG16 features",
        ),
        (
            "vbench-i2v-subject[dino-vitb16]@1",
            "antibench.metrics.vbench_i2v_subject:VbenchI2vSubject",
            "VBench-I2V subject (weights to be fetched)",
        ),
        (
            "vbench-dynamic-degree[dis]@1",
            "antibench.metrics.vbench_dynamic_degree:VbenchDynamicDegree",
            "VBench dynamic degree with DIS flow",
        ),
        (
            "vbench-dynamic-degree[raft]@1",
            "antibench.metrics.vbench_dynamic_degree_raft:VbenchDynamicDegreeRaft",
            "VBench dynamic degree (weights to be fetched)",
        ),
        (
            "vbench-motion-smoothness[dis]@1",
            "antibench.metrics.vbench_motion_smoothness:VbenchMotionSmoothness",
            "VBench motion smoothness with DIS flow",
        ),
        (
            "vbench-aesthetic-quality[laion]@1",
            "antibench.metrics.vbench_aesthetic_quality:VbenchAestheticQuality",
            "VBench aesthetic quality (weights to be fetched)",
        ),
        (
            "pic[dreamsim]@1",
            "antibench.metrics.pic_dreamsim:PicDreamsim",
            "Likeness of video and photo, DreamSim (weights to be fetched)",
        ),
        (
            "vbench-i2v-background[dreamsim]@1",
            "antibench.metrics.vbench_i2v_background:VbenchI2vBackground",
            "VBench-I2V background (weights to be fetched)",
        ),
        (
            "vbench-imaging-quality[musiq]@1",
            "antibench.metrics.vbench_imaging_quality:VbenchImagingQuality",
            "VBench imaging quality (weights to be fetched)",
        ),
        (
            "st-lpips-video[vgg]@1",
            "antibench.metrics.st_lpips_video:StLpipsVideo",
            "Perceptual distance from the clean video: ST-LPIPS",
        ),
        (
            "lpips-video[alex]@1",
            "antibench.metrics.lpips_video:LpipsVideo",
            "Perceptual distance from the clean video: LPIPS (weights to be fetched)",
        ),
    ],
    "models": [
        (
            "dynamicrafter-small@4",
            "antibench.models.dynamicrafter.specs:DynamiCrafterSmall",
            "Small DynamiCrafter, embedded",
        ),
        (
            "dynamicrafter-small-holdout@3",
            "antibench.models.dynamicrafter.specs:DynamiCrafterSmallHoldout",
            "Twin of dynamicrafter-small (other seed and width), embedded",
        ),
        (
            "cogvideox-tokens-small@6",
            "antibench.models.specs:CogVideoXTokensSmall",
            "Small CogVideoX that also reads guided image tokens, embedded",
        ),
        (
            "cogvideox-tokens-small-holdout@3",
            "antibench.models.specs:CogVideoXTokensSmallHoldout",
            "Twin of cogvideox-tokens-small (other seed, width and depth), embedded",
        ),
        ("cogvideox-small@4", "antibench.models.specs:CogVideoXSmall", "Small CogVideoX, embedded"),
        ("opensora-small@1", "antibench.models.opensora.specs:OpenSoraSmall", "Small Open-Sora, embedded"),
        (
            "opensora-small-holdout@1",
            "antibench.models.opensora.specs:OpenSoraSmallHoldout",
            "Twin of opensora-small (other seed, width and depth), embedded",
        ),
        ("svd@1", "antibench.models.specs:SVDXT", "Stable Video Diffusion XT, from the hub"),
        ("cogvideox-5b-i2v@1", "antibench.models.specs:CogVideoX5BI2V", "CogVideoX-5B image-to-video, from the hub"),
        (
            "cogvideox1.5-5b-i2v@1",
            "antibench.models.specs:CogVideoX15I2V",
            "CogVideoX 1.5 5B image-to-video, from the hub",
        ),
        ("i2vgen-xl@1", "antibench.models.specs_i2vgen_xl:I2VGenXLSpec", "I2VGen-XL, from the hub"),
        ("wan2.1-i2v-14b@1", "antibench.models.specs_flow:Wan21", "Wan 2.1 I2V 14B, from the hub"),
        ("wan2.2-i2v-a14b@1", "antibench.models.specs_flow:Wan22A14B", "Wan 2.2 I2V A14B, from the hub"),
        ("wan2.2-ti2v-5b@1", "antibench.models.specs_flow:Wan22TI2V", "Wan 2.2 TI2V 5B, from the hub"),
        ("ltx-video@1", "antibench.models.specs_flow:LTXVideo", "LTX-Video 2B, from the hub"),
        (
            "cosmos-predict2-2b@1",
            "antibench.models.specs_cosmos:CosmosPredict2",
            "Cosmos-Predict2 2B Video2World, from the hub; clips need NVIDIA's guardrail",
        ),
        (
            "skyreels-v2-i2v-14b@1",
            "antibench.models.specs_flow:SkyReelsV2",
            "SkyReels-V2 I2V 14B, from the hub, commit to be given",
        ),
        (
            "hunyuan-video-i2v@1",
            "antibench.models.specs_flow:HunyuanVideoI2V",
            "HunyuanVideo-I2V, from the hub, commit to be given",
        ),
        (
            "dynamicrafter-512@1",
            "antibench.models.dynamicrafter.specs:DynamiCrafter512",
            "DynamiCrafter at 320 x 512, from the hub",
        ),
        (
            "dynamicrafter-1024@1",
            "antibench.models.dynamicrafter.specs:DynamiCrafter1024",
            "DynamiCrafter at 576 x 1024, from the hub",
        ),
        (
            "dynamicrafter-256@1",
            "antibench.models.dynamicrafter.specs:DynamiCrafter256",
            "DynamiCrafter at 256 x 256, from the hub",
        ),
        (
            "opensora-1.2@1",
            "antibench.models.opensora.specs:OpenSora12",
            "Open-Sora 1.2 at 240 x 424, from the hub at given commits",
        ),
    ],
    "datasets": [
        ("folder@1", "antibench.datasets.folder:Folder", "A folder of photos, with a captions file if there is one"),
        ("portraits@2", "antibench.datasets.portraits:Portraits", "Rendered talking portraits, held out from training"),
    ],
}

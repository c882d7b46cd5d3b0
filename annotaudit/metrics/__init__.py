"""Measurements: one value per row, no limits."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "absence": ["gaps", "track_summary"],
        "agreement": ["pairwise_agreement", "ratings"],
        "alpha": ["krippendorff_alpha"],
        "appearance": ["appearance_distances"],
        "comparison": ["compare_boxes", "compare_tracks"],
        "consensus": ["consensus_boxes", "group_boxes"],
        "embedders": ["ColourTextureEmbedder"],
        "embedding": ["Embeddings", "embed"],
        "embedding_cache": ["CachedEmbedder"],
        "expected": ["expected_boxes"],
        "gold": ["accuracy", "compare_to_gold"],
        "looked": ["who_looked"],
        "matching": ["match_boxes"],
        "reliability": ["worker_reliability"],
        "same_images": ["on_images_of"],
        "smoothing": ["deviation", "rolling"],
        "torch_embedders": ["ResNet18", "TorchEmbedder"],
        "tracking_scores": ["tracking_scores"],
        "tracks": ["acceleration", "rolling_iou", "size_change", "speed"],
    },
)

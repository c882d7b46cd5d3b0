"""SageMaker Ground Truth: videos, images, and what single workers drew."""

//! Components on a device: images to coordinates along them, and back.

use burn::tensor::{Device, Tensor};

use super::Pca;
use crate::image::ImageShape;

/// Mean and components on a device.
#[derive(Clone, Debug)]
pub struct Projection {
    /// `[1, P]`
    mean: Tensor<2>,
    /// `[P, K]`
    components: Tensor<2>,
}

impl Projection {
    /// That of `pca` on `device`.
    #[must_use]
    pub fn new(pca: &Pca, device: &Device) -> Self {
        Self {
            mean: pca.mean_tensor(device),
            components: pca.components_tensor(device),
        }
    }

    /// The coordinates `[n, K]` of images `[n, C, H, W]`.
    #[must_use]
    pub fn encode(&self, images: Tensor<4>) -> Tensor<2> {
        let flat: Tensor<2> = images.flatten(1, 3);
        (flat - self.mean.clone()).matmul(self.components.clone())
    }

    /// The images `[n, C, H, W]` at coordinates `[n, K]`, clamped to [0, 1] as any image is.
    #[must_use]
    pub fn decode(&self, codes: Tensor<2>, shape: ImageShape) -> Tensor<4> {
        let [count, _] = codes.dims();
        let restored = codes.matmul(self.components.clone().transpose()) + self.mean.clone();
        restored.clamp(0.0, 1.0).reshape(shape.batch(count))
    }
}

//! Pictures to train on: the visitor's, or some of Fashion-MNIST.

use serde_json::json;
use trainer::Images;
use trainer::data::ImageOptions;
use wasm_bindgen::prelude::*;

use crate::Outcome;

/// Pictures to train on: files first, then images of one shape.
#[wasm_bindgen]
pub struct Pictures {
    options: ImageOptions,
    files: Vec<(String, Vec<u8>)>,
    images: Option<Images>,
}

#[wasm_bindgen]
impl Pictures {
    /// None yet; `options` are JSON.
    ///
    /// # Errors
    ///
    /// Where there is no such option.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str) -> Outcome<Self> {
        Ok(Self {
            options: serde_json::from_str(options)?,
            files: Vec::new(),
            images: None,
        })
    }

    /// Fashion-MNIST's images of a pair of IDX files.
    ///
    /// # Errors
    ///
    /// Where they aren't such files.
    pub fn idx(images: &[u8], labels: &[u8]) -> Outcome<Self> {
        Ok(Self {
            options: ImageOptions::default(),
            files: Vec::new(),
            images: Some(Images::fashion_mnist_files(images, labels)?),
        })
    }

    /// One more file, by its path with `/`.
    pub fn add(&mut self, path: String, bytes: Vec<u8>) {
        self.files.push((path, bytes));
    }

    /// Decodes them all.
    ///
    /// # Errors
    ///
    /// Where none is an image that can be read.
    pub fn finish(&mut self) -> Outcome<()> {
        let files = std::mem::take(&mut self.files);
        self.images = Some(Images::files(files, self.options)?);
        Ok(())
    }

    /// What they are.
    ///
    /// # Errors
    ///
    /// Where they aren't decoded yet.
    pub fn describe(&self) -> Outcome<String> {
        let images = self.images()?;
        let collection = images.collection();
        let labels = images.labels().map_or(&[][..], |labels| &labels.ids);
        let names = images.class_names().iter().zip(0..);
        let classes: Vec<&String> = names
            .filter(|(_, id)| labels.contains(id))
            .map(|(name, _)| name)
            .collect();
        Ok(json!({
            "images": images.len(),
            "shape": images.shape(),
            "classes": classes,
            "skipped": collection.map_or(&[][..], |collection| &collection.skipped),
            "ignored": collection.map(|collection| &collection.ignored),
            "warnings": collection.map_or(&[][..], |collection| &collection.warnings),
        })
        .to_string())
    }

    /// Some of them, evenly chosen.
    ///
    /// # Errors
    ///
    /// Where they aren't decoded yet.
    pub fn sample(&self, count: usize) -> Outcome<Vec<u8>> {
        let images = self.images()?;
        let places = trainer::data::evenly(images.len(), count).into_iter();
        Ok(places
            .flat_map(|place| images.image(place).to_vec())
            .collect())
    }
}

impl Pictures {
    pub(crate) fn options(&self) -> ImageOptions {
        self.options
    }

    pub(crate) fn images(&self) -> Outcome<&Images> {
        let images = self.images.as_ref();
        images.ok_or_else(|| JsError::new("the pictures aren't decoded yet"))
    }
}

//! A tensor with arithmetic operators, so that formulas stay readable.

use std::borrow::Borrow;
use std::ops::{Add, Div, Mul, Sub};

use burn::backend::Backend;
use burn::backend::tensor::FloatTensor;

/// A tensor `[P, …]`, one plane after another.
pub struct Planes<B: Backend>(pub FloatTensor<B>);

impl<B: Backend> Clone for Planes<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B: Backend> Planes<B> {
    /// The mean of each plane: `[P, 1, 1]`.
    pub fn mean(&self) -> Self {
        Self(B::float_mean_dim(B::float_mean_dim(self.0.clone(), 1), 2))
    }

    pub fn detached(self) -> Self {
        Self(B::float_detach(self.0))
    }

    pub fn squared(&self) -> Self {
        self * self
    }

    pub fn at_least_zero(self) -> Self {
        Self(B::float_clamp_min(self.0, 0.0.into()))
    }

    pub fn reciprocal(self) -> Self {
        Self(B::float_recip(self.0))
    }

    pub fn one_minus(&self) -> Self {
        self.times(-1.0).plus(1.0)
    }

    pub fn plus(self, number: f64) -> Self {
        Self(B::float_add_scalar(self.0, number.into()))
    }

    pub fn times(&self, number: f64) -> Self {
        Self(B::float_mul_scalar(self.0.clone(), number.into()))
    }
}

macro_rules! elementwise {
    ($trait:ident, $method:ident, $operation:ident) => {
        impl<B: Backend, R: Borrow<Planes<B>>> $trait<R> for Planes<B> {
            type Output = Planes<B>;

            fn $method(self, other: R) -> Planes<B> {
                Planes(B::$operation(self.0, other.borrow().0.clone()))
            }
        }

        impl<B: Backend, R: Borrow<Planes<B>>> $trait<R> for &Planes<B> {
            type Output = Planes<B>;

            fn $method(self, other: R) -> Planes<B> {
                self.clone().$method(other)
            }
        }
    };
}

elementwise!(Add, add, float_add);
elementwise!(Sub, sub, float_sub);
elementwise!(Mul, mul, float_mul);
elementwise!(Div, div, float_div);

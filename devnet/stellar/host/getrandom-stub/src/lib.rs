//! Stand-in for getrandom 0.2 inside the WebAssembly host: deterministic, never to be used for keys.
//!
//! The Soroban host draws all of its randomness from the seed of the transaction. What is left of
//! getrandom are dependencies that link it without calling it, and the real one would bring imports along.
#![no_std]

use core::{fmt, num::NonZeroU32};

pub struct Error(NonZeroU32);

impl Error {
    pub const fn code(self) -> NonZeroU32 {
        self.0
    }
}

impl From<NonZeroU32> for Error {
    fn from(code: NonZeroU32) -> Self {
        Error(code)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "getrandom error {}", self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "getrandom error {}", self.0)
    }
}

impl core::error::Error for Error {}

/// Fills `dest` with the same xorshift bytes on every call.
pub fn getrandom(dest: &mut [u8]) -> Result<(), Error> {
    let mut x: u64 = 0x9E37_79B9_7F4A_7C15;
    for byte in dest.iter_mut() {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        *byte = x as u8;
    }
    Ok(())
}

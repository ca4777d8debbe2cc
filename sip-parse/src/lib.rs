#![no_std]
#![forbid(unsafe_code)]
//! (to come)
extern crate alloc;

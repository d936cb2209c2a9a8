//! What the module exports. Only WebAssembly gets it: natively, `free` would be the C library's.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static LAST_PANIC: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn remember_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            LAST_PANIC.with(|last| *last.borrow_mut() = panic.to_string().into_bytes());
        }));
    });
}

fn pack(ptr: *const u8, len: usize) -> u64 {
    ((ptr as usize as u64) << 32) | len as u64
}

#[unsafe(no_mangle)]
pub extern "C" fn alloc(len: usize) -> *mut u8 {
    Box::into_raw(vec![0u8; len].into_boxed_slice()).cast()
}

/// # Safety
/// `ptr` and `len` are those of one `alloc` or of one answer of `run`, given back once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(ptr: *mut u8, len: usize) {
    drop(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(ptr, len)) });
}

/// # Safety
/// `ptr..ptr + len` was given by `alloc` and holds the request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn run(op: u32, ptr: *const u8, len: usize) -> u64 {
    remember_panics();
    let request = unsafe { core::slice::from_raw_parts(ptr, len) };
    let answer = Box::leak(crate::answer(op, request).into_boxed_slice());
    pack(answer.as_ptr(), answer.len())
}

/// What the panic that trapped the instance said; it stays the module's own.
#[unsafe(no_mangle)]
pub extern "C" fn last_panic() -> u64 {
    LAST_PANIC.with(|last| {
        let last = last.as_ptr();
        // The instance is dead: whatever was borrowed when it trapped will never be used again.
        unsafe { pack((*last).as_ptr(), (*last).len()) }
    })
}

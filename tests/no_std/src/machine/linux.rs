//! Linux: lines go to standard output, by the C library that every program has.
#![allow(unsafe_code)]

use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::ffi::{c_char, c_int, c_void};
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use epilog::vfs::{MemoryVfs, Vfs};

/// What the engine may take.
const ARENA_LEN: usize = 8 << 20;

#[link(name = "c")]
unsafe extern "C" {
    fn write(file: c_int, bytes: *const c_void, len: usize) -> isize;
    fn _exit(status: c_int) -> !;
}

#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    crate::run()
}

// The `alloc` that is shipped was compiled to unwind and names these two; a program that aborts never calls them.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    exit(102)
}

#[repr(align(16))]
struct Arena(UnsafeCell<[u8; ARENA_LEN]>);

// SAFETY: the program has one thread.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(UnsafeCell::new([0; ARENA_LEN]));

/// The heap's room. To be called once.
pub fn arena() -> &'static mut [u8] {
    // SAFETY: called once, by `run`, so that this is the only reference.
    unsafe { &mut *ARENA.0.get() }
}

/// Files in the heap.
pub fn files() -> Arc<dyn Vfs> {
    Arc::new(MemoryVfs::new())
}

/// Writes `text` to standard output.
pub fn print(text: &str) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the pointer and the length are those of `rest`.
        let written = unsafe { write(1, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => rest = &rest[written..],
            _ => exit(103),
        }
    }
}

/// Writes what a panic says, without the heap.
pub fn print_panic(info: &PanicInfo<'_>) {
    struct Out;
    impl Write for Out {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            print(text);
            Ok(())
        }
    }
    // It fails only when `print` does, which then does not return.
    let _ = writeln!(Out, "no_std: {info}");
}

/// Ends the program.
pub fn exit(status: c_int) -> ! {
    // SAFETY: it may be called with any status.
    unsafe { _exit(status) }
}

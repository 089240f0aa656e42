//! How often anything in this process synced: its own definitions of the C library's calls, which the linker takes before
//! the library's, for the engines written in C too. Each counts, and makes the system call.
//!
//! A write through a descriptor that syncs by itself (`O_DSYNC`) is a sync. To know, the descriptor is asked, and only
//! [`while_counting`], so that times are not affected.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static SYNCS: AtomicU64 = AtomicU64::new(0);
static COUNTING: AtomicBool = AtomicBool::new(false);

/// Syncs so far.
pub fn count() -> u64 {
    SYNCS.load(Ordering::Relaxed)
}

/// Does `work`, in which writes that sync by themselves are counted too.
pub fn while_counting<T>(work: impl FnOnce() -> T) -> T {
    COUNTING.store(true, Ordering::Relaxed);
    let result = work();
    COUNTING.store(false, Ordering::Relaxed);
    result
}

fn add() {
    SYNCS.fetch_add(1, Ordering::Relaxed);
}

fn add_if_synchronous(descriptor: c_int) {
    if COUNTING.load(Ordering::Relaxed) {
        // SAFETY: asks for the flags of a descriptor, whatever number it is.
        let flags = unsafe { libc::fcntl(descriptor, libc::F_GETFL) };
        if flags != -1 && flags & libc::O_DSYNC != 0 {
            add();
        }
    }
}

// SAFETY (of the names): the C library's own, with its types; nothing else in this program defines them.
#[unsafe(no_mangle)]
extern "C" fn fsync(descriptor: c_int) -> c_int {
    add();
    // SAFETY: the call takes a descriptor, whatever number it is. `syscall` sets `errno` as `fsync` does.
    unsafe { libc::syscall(libc::SYS_fsync, descriptor) as c_int }
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(descriptor: c_int) -> c_int {
    add();
    // SAFETY: as `fsync`.
    unsafe { libc::syscall(libc::SYS_fdatasync, descriptor) as c_int }
}

/// # Safety
///
/// As msync(2): the kernel checks the range.
#[unsafe(no_mangle)]
unsafe extern "C" fn msync(address: *mut c_void, len: usize, flags: c_int) -> c_int {
    if flags & libc::MS_SYNC != 0 {
        add();
    }
    // SAFETY: the caller's arguments, handed on.
    unsafe { libc::syscall(libc::SYS_msync, address, len, flags) as c_int }
}

/// # Safety
///
/// As pwrite(2): `bytes` has `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite(descriptor: c_int, bytes: *const c_void, len: usize, offset: i64) -> isize {
    add_if_synchronous(descriptor);
    // SAFETY: the caller's arguments, handed on. The offset is one argument where pointers have 64 bits.
    unsafe { libc::syscall(libc::SYS_pwrite64, descriptor, bytes, len, offset) as isize }
}

/// # Safety
///
/// As pwrite(2): `bytes` has `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn pwrite64(descriptor: c_int, bytes: *const c_void, len: usize, offset: i64) -> isize {
    // SAFETY: the same call under another name.
    unsafe { pwrite(descriptor, bytes, len, offset) }
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
compile_error!("syncs and bytes are counted by the means of 64-bit Linux");

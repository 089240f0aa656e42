//! A Cortex-M3 without an operating system: the start, the memory, and lines through the debugger's semihosting calls.
//!
//! `cortex_m3.ld` lays memory out: the stack lies lowest, so that what grows out of it is a bus fault, or in emulators that
//! ignore such accesses soon another one, and not a changed variable; then come the statics; the heap is the rest.
#![allow(unsafe_code)]

use alloc::sync::Arc;
use core::arch::{asm, global_asm};
use core::ffi::CStr;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::ptr::{addr_of, addr_of_mut};

use epilog::vfs::Vfs;

use super::disk::Disk;

// What the linker script defines: addresses, not variables.
unsafe extern "C" {
    static mut __stack_start: u8;
    static mut __stack_end: u8;
    static mut __data_start: u8;
    static mut __bss_end: u8;
    static mut __ram_end: u8;
    static __flash_end: u8;
}

/// What the stack is filled with before it is used.
const UNUSED: u32 = 0xE1E1_E1E1;

// The vector table: the first stack pointer, the reset handler, and for everything else a fault. Reset fills the stack
// with `UNUSED`, copies initial values from flash, zeroes the rest, and calls `start`.
global_asm!(
    ".section .vectors, \"a\"",
    ".word __stack_end",
    ".word reset",
    ".rept 14",
    ".word fault_entry",
    ".endr",
    ".section .text.reset, \"ax\"",
    ".global reset",
    ".type reset, %function",
    ".thumb_func",
    "reset:",
    "ldr r0, =__stack_start",
    "ldr r1, =__stack_end",
    "ldr r2, =0xE1E1E1E1",
    "1: cmp r0, r1",
    "itt lo",
    "strlo r2, [r0], #4",
    "blo 1b",
    "ldr r0, =__data_start",
    "ldr r1, =__data_end",
    "ldr r2, =__data_load",
    "2: cmp r0, r1",
    "ittt lo",
    "ldrlo r3, [r2], #4",
    "strlo r3, [r0], #4",
    "blo 2b",
    "ldr r1, =__bss_end",
    "movs r2, #0",
    "3: cmp r0, r1",
    "itt lo",
    "strlo r2, [r0], #4",
    "blo 3b",
    "bl start",
    "udf #0",
    // The stack may be what is at fault.
    ".global fault_entry",
    ".type fault_entry, %function",
    ".thumb_func",
    "fault_entry:",
    "ldr r0, =__stack_end",
    "mov sp, r0",
    "b fault",
);

#[unsafe(no_mangle)]
extern "C" fn start() -> ! {
    let status = crate::run();
    report();
    exit(status)
}

#[unsafe(no_mangle)]
extern "C" fn fault() -> ! {
    print("no_std: a fault of the processor: a panic, or the heap or the stack is too small\n");
    exit(104)
}

/// The heap's room: what the statics leave. To be called once.
pub fn arena() -> &'static mut [u8] {
    let (start, end) = (addr_of_mut!(__bss_end), addr_of_mut!(__ram_end) as usize);
    // SAFETY: the linker script gives nothing else a place from here to the end of memory; called once, by `run`.
    unsafe { core::slice::from_raw_parts_mut(start, end - start as usize) }
}

/// Files on the disk of the computer that the debugger runs on.
pub fn files() -> Arc<dyn Vfs> {
    Arc::new(Disk)
}

/// Writes what the program takes of the machine.
fn report() {
    let stack = (addr_of!(__stack_start) as usize, addr_of!(__stack_end) as usize);
    let mut unused = stack.0;
    // SAFETY: the addresses are of the stack's part of memory, which is aligned to 4; below the stack pointer nobody
    // writes meanwhile.
    while unused < stack.1 && unsafe { (unused as *const u32).read_volatile() } == UNUSED {
        unused += 4;
    }
    let statics = addr_of!(__bss_end) as usize - addr_of!(__data_start) as usize;
    let (stack, heap) = (stack.1 - unused, crate::HEAP.most());
    let flash = addr_of!(__flash_end) as usize;
    let _ = writeln!(
        Out,
        "no_std: {flash} bytes of flash; {} of RAM: {stack} stack, {statics} statics, {heap} heap",
        stack + statics + heap,
    );
}

struct Out;

impl Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        print(text);
        Ok(())
    }
}

/// Writes what a panic says, without the heap.
pub fn print_panic(info: &PanicInfo<'_>) {
    // It cannot fail.
    let _ = writeln!(Out, "no_std: {info}");
}

/// Writes `text` to the debugger's console.
pub fn print(text: &str) {
    const SYS_WRITE0: u32 = 0x04;
    let mut rest = text.as_bytes();
    // The call takes bytes up to a zero.
    let mut part = [0; 65];
    while !rest.is_empty() {
        let len = rest.len().min(64);
        part[..len].copy_from_slice(&rest[..len]);
        part[len] = 0;
        semihost(SYS_WRITE0, part.as_ptr() as u32);
        rest = &rest[len..];
    }
}

/// Ends the emulation with `status`.
pub fn exit(status: i32) -> ! {
    const SYS_EXIT_EXTENDED: u32 = 0x20;
    const APPLICATION_EXIT: u32 = 0x2_0026;
    let reason = [APPLICATION_EXIT, status as u32];
    loop {
        semihost(SYS_EXIT_EXTENDED, reason.as_ptr() as u32);
    }
}

/// What [`open`] returns when there is no such file.
pub(super) const NO_FILE: u32 = u32::MAX;

/// Makes a file, to be read and written; what was in one of that name is gone.
pub(super) fn open(name: &CStr) -> u32 {
    const SYS_OPEN: u32 = 0x01;
    const READ_WRITE_NEW: u32 = 7;
    let arguments = [name.as_ptr() as u32, READ_WRITE_NEW, name.count_bytes() as u32];
    semihost(SYS_OPEN, arguments.as_ptr() as u32)
}

/// Fills `buffer` with a file's bytes from `offset`; whether there were so many.
pub(super) fn read_at(file: u32, buffer: &mut [u8], offset: u32) -> bool {
    const SYS_READ: u32 = 0x06;
    let arguments = [file, buffer.as_mut_ptr() as u32, buffer.len() as u32];
    seek(file, offset) && semihost(SYS_READ, arguments.as_ptr() as u32) == 0
}

/// Writes `bytes` into a file from `offset`, which is not behind its end; whether all were.
pub(super) fn write_at(file: u32, bytes: &[u8], offset: u32) -> bool {
    const SYS_WRITE: u32 = 0x05;
    let arguments = [file, bytes.as_ptr() as u32, bytes.len() as u32];
    seek(file, offset) && semihost(SYS_WRITE, arguments.as_ptr() as u32) == 0
}

fn seek(file: u32, offset: u32) -> bool {
    const SYS_SEEK: u32 = 0x0A;
    semihost(SYS_SEEK, [file, offset].as_ptr() as u32) == 0
}

/// Asks the debugger ("Semihosting for AArch32 and AArch64", Arm, §3 and §6), and returns its answer.
fn semihost(operation: u32, argument: u32) -> u32 {
    let answer;
    // SAFETY: the debugger reads and writes the memory that the argument names, as the operation says, and changes r0.
    unsafe { asm!("bkpt #0xAB", inout("r0") operation => answer, in("r1") argument, options(nostack)) }
    answer
}

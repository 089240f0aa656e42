//! The whole engine without the standard library: [`story`] on a machine that has a heap and somewhere to write a line.
//!
//! On Linux (`cargo run`) the machine is the C library's `write` and `_exit`; on a Cortex-M3 (`qemu.sh`) it is the
//! processor and its debugger. The heap and what a panic does are this program's own in both.
#![no_std]
#![no_main]

extern crate alloc;

mod heap;
mod machine;
mod story;

use alloc::format;
use core::panic::PanicInfo;

#[global_allocator]
static HEAP: heap::CountingHeap = heap::CountingHeap::new();

/// Tells the story; the exit status.
fn run() -> i32 {
    HEAP.give(machine::arena());
    match story::tell() {
        Ok(told) => {
            let line = format!(
                "no_std: ok, {} records, {} bytes of files, {} bytes of heap at most\n",
                told.records,
                told.file_bytes,
                HEAP.most(),
            );
            machine::print(&line);
            0
        }
        Err(error) => {
            machine::print(&format!("no_std: {error}\n"));
            1
        }
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    machine::print_panic(info);
    machine::exit(101)
}

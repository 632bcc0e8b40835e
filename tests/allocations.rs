//! A stateless `tools/call add` allocates nothing once everything is warm: not on its way through
//! the engine, and not on the shard's thread with real sockets.

// The allocator that counts.
#![allow(unsafe_code)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};

use common::call;
use mcp_fastd::{Exchange, Json, Server};
use serde_json::json;

struct Counting;

/// Allocations of all threads that have not asked to be left out.
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static LEFT_OUT: Cell<bool> = const { Cell::new(false) };
    /// Those of this thread.
    static OWN: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    let _ = OWN.try_with(|own| own.set(own.get() + 1));
    if !LEFT_OUT.try_with(Cell::get).unwrap_or(true) {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
    }
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Add {
    a: i64,
    b: i64,
}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Sum {
    sum: i64,
}

fn server() -> Server<impl mcp_fastd::Handler> {
    Server::builder().tool("add", |Add { a, b }: Add| Json(Sum { sum: a + b })).build()
}

fn allocations_of(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.load(Ordering::SeqCst);
    work();
    ALLOCATIONS.load(Ordering::SeqCst) - before
}

/// What this thread allocates meanwhile; the harness has threads of its own.
fn own_allocations_of(work: impl FnOnce()) -> u64 {
    let before = OWN.get();
    work();
    OWN.get() - before
}

/// One test, one after the other: the harness allocates when a test ends.
#[test]
fn a_call_allocates_nothing() {
    through_an_exchange();
    over_sockets();
}

fn through_an_exchange() {
    let mut exchange = Exchange::new(server()).expect("a server in order");
    let request = call(1, "add", json!({ "a": 2, "b": 3 })).bytes();
    let mut chunked = call(1, "add", json!({ "a": 2, "b": 3 })).chunked(20);
    chunked.extend_from_slice(&request);
    for bytes in [request.clone(), request.repeat(10), chunked] {
        for _ in 0..10 {
            assert!(exchange.send(&bytes).ends_with(b"\"isError\":false}}"));
        }
        let allocations = own_allocations_of(|| {
            for _ in 0..1000 {
                exchange.send(&bytes);
            }
        });
        assert_eq!(allocations, 0, "in 1000 times {} bytes", bytes.len());
    }
    // In two parts.
    let (front, back) = request.split_at(200);
    exchange.send(front);
    exchange.send(back);
    let allocations = own_allocations_of(|| {
        for _ in 0..1000 {
            exchange.send(front);
            exchange.send(back);
        }
    });
    assert_eq!(allocations, 0, "in parts");
}

fn over_sockets() {
    LEFT_OUT.set(true);
    let running = server().bind("127.0.0.1:0").cores(1).start().expect("the server starts");
    let mut sockets: Vec<TcpStream> =
        (0..8).map(|_| TcpStream::connect(running.addr()).expect("it accepts")).collect();
    let request = call(1, "add", json!({ "a": 2, "b": 3 })).bytes();
    let mut answer = vec![0; 4096];
    let mut round = |times: usize| {
        for _ in 0..times {
            for socket in &mut sockets {
                socket.write_all(&request).expect("it reads");
            }
            for socket in &mut sockets {
                let mut len = 0;
                while !answer[..len].ends_with(b"\"isError\":false}}") {
                    let read = socket.read(&mut answer[len..]).expect("it answers");
                    assert!(read > 0, "the connection stands");
                    len += read;
                }
            }
        }
    };
    round(100);
    // Now and then something that is not of a request happens: a second passes, and a connection's
    // entry among the deadlines is moved. A handful in 16,000 requests is none for each.
    let allocations = allocations_of(|| round(2000));
    assert!(allocations <= 16, "{allocations} allocations in 16,000 requests");
    running.stop();
}
